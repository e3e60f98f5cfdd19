"""Every error rxkraken raises or emits, named after the decision its receiver has to take.

```
KrakenError                    everything below; `.retryable` says whether trying again can help
├── InvalidArgument            (ValueError) the call is wrong: nothing was sent, fix the argument
│   ├── UnknownSymbol          no such market; carries the nearest known names
│   ├── InvalidOrder           the order breaks a rule of its instrument
│   └── MissingCredentials     this call needs an API key
├── ClientClosed               the client was closed, or is closing
├── LinkLost                   the connection failed or ended; the session reconnects by itself
│   └── ConnectRefused         the server refused the upgrade; carries the HTTP status
│       └── ConnectForbidden   ... and will refuse it again: not retried
├── RetriesExhausted           the settings' `max_attempts` is spent
├── RequestTimeout             asked and never answered
├── ProtocolViolation          a frame that makes no sense where it came
├── Overflowed                 a consumer with policy "error" fell behind
├── SubscriberFailed           a subscriber raised, or had no on_error; reported on `client.errors`
└── ExchangeError              Kraken said no; `.text` is its own wording, `.category` its kind
    ├── SubscriptionRejected   a subscribe request was refused; carries channel and symbol
    ├── RequestRejected        any other request was refused
    │   └── OrderRejected      ... which was an order request
    ├── RestError              a REST call was answered with an error
    │   ├── RestUnavailable    the exchange or its gateway cannot answer now; carries the HTTP status
    │   ├── RestUnreadable     ... answered with something that is no answer
    │   ├── RateLimited        too many calls: wait, `.wait` says how long when that is known
    │   ├── NonceRejected      another program uses the same key, or used it with larger nonces
    │   ├── AuthRefused        the key, its signature or the one-time password is wrong: fix the credentials
    │   ├── PermissionRefused  the key is right but may not do this: change its permissions
    │   └── RestOrderRejected  (also OrderRejected) an order sent over REST was refused: nothing was placed
    └── (order outcomes)       NotSent, OutcomeUnknown and NotPlaced are KrakenErrors: see below
```

An order request has three outcomes: its result, `OrderRejected`, or `OutcomeUnknown`; `NotSent` says for certain
that nothing left this process. `ticket.resolve()` turns an unknown outcome into a result, or into `NotPlaced`: the
exchange never took it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class KrakenError(Exception):
    """The root of every error here. `retryable` says whether the same call may succeed later."""

    retryable: bool = False


class InvalidArgument(KrakenError, ValueError):
    """The call itself is wrong. Nothing was sent; the message names the value and what is allowed."""


class UnknownSymbol(InvalidArgument):
    """No market has this name. `suggestions` holds the nearest known symbols."""

    def __init__(self, symbol: object, suggestions: Sequence[str] = (), hint: str = "") -> None:
        """Say which symbol, and which known ones look like it."""
        self.symbol = symbol
        self.suggestions = tuple(suggestions)
        likely = f"; did you mean {' or '.join(self.suggestions)}?" if self.suggestions else ""
        super().__init__(f"unknown symbol {symbol!r}{likely}{'; ' + hint if hint else ''}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the arguments, not by the finished message."""
        return type(self), (self.symbol, self.suggestions)


class InvalidOrder(InvalidArgument):
    """The order breaks a rule of its instrument: increments, minimums, forbidden combinations. Nothing was sent."""


class MissingCredentials(InvalidArgument):
    """Only an API key allows this call, and the client was made without one."""


class ClientClosed(KrakenError):
    """The client was closed, or is closing: it sends nothing any more."""


class LinkLost(KrakenError):
    """The connection could not be made, failed, or ended. The session reconnects by itself."""

    retryable = True

    def __init__(self, reason: str, *, code: int | None = None) -> None:
        """Keep the reason, and the close code when the peer sent one."""
        self.reason = reason
        self.code = code
        super().__init__(reason)

    @property
    def fatal(self) -> bool:
        """Whether connecting again cannot help: close code 1008 (ws-v2 reference section 1.9)."""
        return self.code == _POLICY_VIOLATION


_POLICY_VIOLATION = 1008


class ConnectRefused(LinkLost):
    """The server answered the upgrade with an HTTP status instead of a WebSocket."""

    def __init__(self, status: int, reason: str = "") -> None:
        """Keep the HTTP status."""
        self.status = status
        super().__init__(f"upgrade refused with HTTP {status}{' ' + reason if reason else ''}")


class ConnectForbidden(ConnectRefused):
    """The upgrade was refused with 401, 403 or 404: configuration or a ban, so it is not retried."""

    retryable = False

    @property
    def fatal(self) -> bool:
        """Always: the same request would be refused again."""
        return True


class RetriesExhausted(KrakenError):
    """Connecting failed as often as the settings allow; the last failure is the cause."""


class RequestTimeout(KrakenError):
    """A request was sent and not answered in time."""

    retryable = True


class ProtocolViolation(KrakenError):
    """A frame that makes no sense where it came; it was reported and ignored."""


class Overflowed(KrakenError):
    """A consumer with the policy "error" fell behind: `limit` items were waiting when another came."""

    def __init__(self, limit: int) -> None:
        """Say how many items were waiting."""
        self.limit = limit
        advice = "take items faster, or choose another policy"
        super().__init__(f"the consumer fell more than {limit} items behind; {advice}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the arguments, not by the finished message."""
        return type(self), (self.limit,)


class SubscriberFailed(KrakenError):
    """A subscriber raised out of its own callback, or got an error without having an `on_error`.

    Its exception is the `__cause__`; `subscribed_at` is the file and line that subscribed. Only that subscriber ended.
    """

    def __init__(self, stream: str, subscribed_at: str, error: BaseException) -> None:
        """Name the stream, the place that subscribed to it, and what was raised."""
        self.stream = stream
        self.subscribed_at = subscribed_at
        self.error = error
        super().__init__(f"a subscriber of {stream}, subscribed at {subscribed_at}, failed: {error!r}")
        self.__cause__ = error

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the arguments, not by the finished message."""
        return type(self), (self.stream, self.subscribed_at, self.error)


class ExchangeError(KrakenError):
    """Kraken refused. `text` is Kraken's own wording; `category` is its kind, such as "funds" or "rate_limit"."""

    def __init__(self, text: str, *, category: str = "unknown", retryable: bool = False) -> None:
        """Keep Kraken's text, its kind, and whether the same call may succeed later."""
        self.text = text
        self.category = category
        self.retryable = retryable
        super().__init__(text)


class SubscriptionRejected(ExchangeError):
    """A subscribe request was refused. Only the streams of this channel and symbol end with it."""

    def __init__(self, channel: str, symbol: str | None, text: str, suggestions: Sequence[str] = ()) -> None:
        """Name the channel and symbol, Kraken's text, and known symbols that look alike."""
        super().__init__(text, category="subscription")
        self.channel = channel
        self.symbol = symbol
        self.suggestions = tuple(suggestions)
        what = f"{channel} {symbol}" if symbol else channel
        likely = f" (did you mean {' or '.join(self.suggestions)}?)" if self.suggestions else ""
        self.args = (f"Kraken refused {what}: {text}{likely}",)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the arguments, not by the finished message."""
        return type(self), (self.channel, self.symbol, self.text, self.suggestions)


class RequestRejected(ExchangeError):
    """A request other than a subscription was refused."""


class OrderRejected(RequestRejected):
    """Kraken refused an order request: nothing was placed or changed."""


class RestError(ExchangeError):
    """A REST call was answered with an error, or with something that is no answer."""


class RestUnavailable(RestError):
    """The exchange, or the gateway before it, cannot answer now. `status` is the HTTP status when it was not 200."""

    def __init__(
        self, text: str, *, category: str = "unavailable", retryable: bool = True, status: int | None = None
    ) -> None:
        """Keep the HTTP status beside the text."""
        self.status = status
        super().__init__(text, category=category, retryable=retryable)


class RestUnreadable(RestError):
    """What came back is no answer: not JSON, or not the shape the call promises. Reading calls may be made again."""

    def __init__(self, text: str, *, category: str = "unreadable", retryable: bool = True) -> None:
        """Keep what was wrong with the answer; never the answer itself, which may hold a token."""
        super().__init__(text, category=category, retryable=retryable)


class RateLimited(RestError):
    """Too many calls. `wait` is how many seconds to stay quiet, `until` a Unix time, each when it is known."""

    def __init__(
        self,
        text: str,
        *,
        category: str = "rate_limit",
        retryable: bool = True,
        wait: float | None = None,
        until: float | None = None,
    ) -> None:
        """Keep how long to wait, as seconds or as the moment from which calls are welcome again."""
        self.wait = wait
        self.until = until
        super().__init__(text, category=category, retryable=retryable)


class NonceRejected(RestError):
    """The nonce did not grow: another program uses this key at the same time, or used it with larger nonces."""


class AuthRefused(RestError):
    """The API key, the signature or the one-time password is wrong. Trying again will not help."""


class PermissionRefused(RestError):
    """The API key is valid but is not allowed to do this."""


class RestOrderRejected(RestError, OrderRejected):
    """An order request sent over REST was refused: nothing was placed or changed."""


class NotSent(KrakenError):
    """The order request never left this process, for certain. It may be made again."""

    retryable = True


class OutcomeUnknown(KrakenError):
    """An order request was sent and its fate is not known yet. Never send it again: `await ticket.resolve()` finds out.

    `cl_ord_ids` are the ids by which the orders can be looked for.
    """

    def __init__(self, text: str, cl_ord_ids: Sequence[str] = ()) -> None:
        """Keep the ids beside the text."""
        self.cl_ord_ids = tuple(cl_ord_ids)
        super().__init__(text)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle with the ids."""
        return type(self), (str(self), self.cl_ord_ids)


class NotPlaced(KrakenError):
    """Reconciled: an order request whose outcome was unknown never took effect. A new one may be made."""

    retryable = True
