"""What the families of typed calls stand on: one method that makes a `RestCall`, and the spellings of pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from rxkraken.errors import InvalidArgument, UnknownSymbol
from rxkraken.symbols import to_rest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rxkraken.rest.call import RestCall
    from rxkraken.rest.limits import Charge
    from rxkraken.rest.wire import Params

T = TypeVar("T")


class Caller(ABC):
    """Makes calls by name. The families of typed calls derive from it, and `RestClient` from the families."""

    @abstractmethod
    def _call(
        self,
        name: str,
        params: Params,
        parse: Callable[[Any], T],
        *,
        extra: Params | None,
        charge: Charge | None = None,
        identity: str = "",
    ) -> RestCall[T]:
        """Make a call of a known name; `extra` goes out with `params` and wins over them."""


def pair_name(pair: str) -> str:
    """Return the name REST takes for any spelling of a market: `XBTUSD` for `BTC/USD`.

    A name that the rules cannot read goes out as it is: Kraken may know it. No name at all is an `UnknownSymbol`.
    """
    try:
        return to_rest(pair)
    except UnknownSymbol:
        if isinstance(pair, str) and pair.strip():  # pyright: ignore[reportUnnecessaryIsInstance] - callers may be untyped
            return pair.strip()
        raise


def pair_names(pairs: str | Iterable[str] | None) -> str | None:
    """Return the REST names of some markets, joined with commas; None for None, `InvalidArgument` for an empty list."""
    return names(pairs if pairs is None else [pair_name(pair) for pair in _each(pairs)], "pair")


def names(values: str | Iterable[str] | None, what: str) -> str | None:
    """Return names joined with commas, as REST takes lists; None for None, `InvalidArgument` for an empty list."""
    if values is None:
        return None
    joined = ",".join(_each(values))
    if not joined:
        raise InvalidArgument(f"{what} is an empty list; name at least one, or leave it out")
    return joined


def _each(values: str | Iterable[str]) -> list[str]:
    return values.split(",") if isinstance(values, str) else list(values)
