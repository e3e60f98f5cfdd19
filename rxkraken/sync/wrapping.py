"""Methods of the asynchronous client as blocking ones: the same arguments, checked by the same code and types.

What is wrapped keeps its signature, overloads included, for checkers, editors and `help()`. The objects that carry such
methods have a `_background`, and a `_target()` that finds the asynchronous object.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from rxkraken.sync.ticket import OrderTicket, Ticket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rxkraken.streams.stream import Stream as AsyncStream
    from rxkraken.sync.stream import Stream
    from rxkraken.trading.ticket import OrderTicket as AsyncOrderTicket
    from rxkraken.trading.ticket import Ticket as AsyncTicket

P = ParamSpec("P")
T = TypeVar("T")


def blocking(method: Callable[Concatenate[Any, P], Awaitable[T]]) -> Callable[Concatenate[Any, P], T]:
    """Make a method whose outcome is waited for."""

    def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._background.wait(lambda: method(self._target(), *args, **kwargs), what=method.__name__)

    return _dressed(call, method, "Here it blocks until the outcome is there, and returns or raises it.")


def streaming(method: Callable[Concatenate[Any, P], AsyncStream[T]]) -> Callable[Concatenate[Any, P], Stream[T]]:
    """Make a method that gives a stream to iterate."""

    def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> Stream[T]:
        # Making a stream does nothing and reads only what is replaced as a whole, so it needs no turn of the loop.
        return self.stream(method(self._target(), *args, **kwargs))

    return _dressed(call, method, "Here it is a `rxkraken.sync.Stream`: `for` pulls it as `async for` would.")


def ticketed(method: Callable[Concatenate[Any, P], AsyncTicket[T]]) -> Callable[Concatenate[Any, P], Ticket[T]]:
    """Make a method that gives the ticket of a request."""

    def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> Ticket[T]:
        made = self._background.call(lambda: method(self._target(), *args, **kwargs))
        return Ticket(self._background, made, self._report)

    return _dressed(call, method, _TICKET)


def order_ticketed(
    method: Callable[Concatenate[Any, P], AsyncOrderTicket],
) -> Callable[Concatenate[Any, P], OrderTicket]:
    """Make a method that gives the ticket of an order."""

    def call(self: Any, *args: P.args, **kwargs: P.kwargs) -> OrderTicket:
        made = self._background.call(lambda: method(self._target(), *args, **kwargs))
        return OrderTicket(self._background, made, self._report)

    return _dressed(call, method, _TICKET)


_TICKET = "Here it is a `rxkraken.sync` ticket: `send()` it, wait for its `result()`, or `resolve()` it."
_Call = TypeVar("_Call")


def _dressed(call: _Call, method: Callable[..., Any], note: str) -> _Call:
    wrapped: Any = call
    functools.update_wrapper(wrapped, method)
    wrapped.__doc__ = f"{inspect.getdoc(method)}\n\n{note}"
    # What it returns is another thing here; checkers know it from the types above.
    wrapped.__signature__ = inspect.signature(method).replace(return_annotation=inspect.Signature.empty)
    wrapped.__annotations__ = {key: value for key, value in method.__annotations__.items() if key != "return"}
    return call
