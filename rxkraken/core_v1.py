"""The machinery of `KrakenClient`, told to speak WebSocket v1; `KrakenV1Client` is its face.

What differs is where fills, tokens, the exchange's clock and the rules of markets come from.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rxkraken.client import KrakenClient
from rxkraken.errors import KrakenError
from rxkraken.logs import logger
from rxkraken.protocol.spot_v1_orders import fields_of
from rxkraken.session.speech import SPOT_V1
from rxkraken.streams import channels_v1
from rxkraken.streams.policies import Fail
from rxkraken.streams.stream import Stream
from rxkraken.trading.account import Wanted
from rxkraken.trading.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex.abc import DisposableBase, ObserverBase

    from rxkraken.models.trading import Order
    from rxkraken.protocol.topics import Topic
    from rxkraken.session.pool import Pool
    from rxkraken.streams.feed import Feed
    from rxkraken.streams.policies import Policy
    from rxkraken.trading.desk import Desk
    from rxkraken.trading.request import OrderRequest

log = logger("rxkraken")


class CoreV1(KrakenClient):
    """The machinery, told to speak v1."""

    _speech = SPOT_V1
    has_key = False
    # Fills come on a channel of their own, which orders need as well.
    _following_fills = False
    _listing: Listing | None = None

    def _bind(self) -> Pool:
        is_new = self._bound is None
        pool = super()._bind()
        if is_new and self.has_key:
            pool.lease_tokens(lambda: self._fetch_token(pool))
        return pool

    async def _fetch_token(self, pool: Pool) -> tuple[str, float]:
        """Fetch a token, and the time that it is on the exchange: deadlines go by that, and v1's replies tell none."""
        answer = await self.rest.get_websockets_token()
        connection = pool.connections.get("auth")
        if connection is not None:
            try:
                told = await self.rest.time()
            except KrakenError as error:
                log.warning("the exchange's time could not be asked, so deadlines go by this clock: %s", error)
            else:
                connection.tell_time(datetime.fromtimestamp(told.unixtime, UTC).isoformat())
        return answer.token, float(answer.expires)

    def known_order(self, order_id: str) -> Order | None:
        """Find an order of the account, as far as it is known."""
        return self._known_order(order_id, None)

    def follow_fills(self) -> None:
        """Follow the fills for as long as the client lives."""
        if self._following_fills or self._bind().closing:
            return
        self._following_fills = True
        self.own_trades(gaps=False).subscribe(lambda _: None, self._lost_fills, self._lost_fills)

    def _lost_fills(self, error: Exception | None = None) -> None:
        del error  # it is told on `errors`, and the next order tries again
        self._following_fills = False

    def own_trades(self, *, gaps: bool) -> Stream[Any]:
        """See `KrakenV1Client.own_trades`."""
        topic = channels_v1.own_trades_topic()
        return Stream("own_trades", lambda observer, place: self._attach([topic], observer, place, gaps=gaps), Fail())

    def stream(self, symbols: tuple[str, ...], topic_of: Callable[[str], Topic], policy: Policy, *, gaps: bool) -> Any:
        """Make the stream of a market channel."""
        return self._stream(symbols, topic_of, policy, gaps=gaps)

    def all_executions(self, *, ratecounter: bool, gaps: bool) -> Stream[Any]:
        """See `KrakenV1Client.executions`."""
        stream = self._account.executions(Wanted(True, False, True, ratecounter), gaps=gaps)  # noqa: FBT003 - flags of a row

        def attach(observer: ObserverBase[Any], place: str) -> DisposableBase:
            del place
            self.follow_fills()
            return stream.subscribe(observer)

        return Stream("executions", attach, Fail())

    def _desk(self) -> Desk:
        self.follow_fills()
        return super()._desk()

    def _make(self, pool: Pool, topic: Topic) -> Feed:
        return channels_v1.make_feed(topic, pool, pool.report)

    def _follow_instruments(self, pool: Pool) -> None:
        # V1 has no such channel. Without REST symbols are read by rule, and the exchange alone checks orders.
        if self.endpoints.rest is None:
            self._directory.expect_nothing()
            return
        if self._listing is None and not pool.closing:
            self._listing = Listing(lambda: self.rest, pool.world, self._directory)
            self._listing.begin()

    async def _close(self, pool: Pool) -> None:
        if self._listing is not None:
            await self._listing.aclose()
        await super()._close(pool)

    def _worded(self, request: OrderRequest) -> OrderRequest:
        fields_of(request.method, request.params)
        # `editOrder` has no deadline (section 8.3): the exchange may carry it out however late it arrives.
        return replace(request, deadline=None) if request.method == "edit_order" else request
