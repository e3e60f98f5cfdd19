"""The price ladder: two sorted sides, and the checksum of their best ten levels. The hot path of every book.

A side is two parallel lists, best level first, of numbers as they were decoded: keys (prices, those of bids negated, so
that both sides ascend) and quantities. The checksum text of a level, its token, is kept for the best ten only. The
joined text of the bids and the CRC of the asks are kept until one of their ten is touched.
"""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from operator import lt
from typing import TYPE_CHECKING, Any, Final

from rxkraken.books.checksum import crc32
from rxkraken.books.faults import MalformedBook, NeedExact
from rxkraken.books.numbers import PLAIN, Digits, Exact, largest_float, plain_levels
from rxkraken.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

CHECKSUM_LEVELS = 10  # "always 10, whatever the depth" (ws-v2 reference, section 4.1)

Numbers = list[float | Exact]


class Sides:
    """What a book reads: the lists of both sides, and what gives their numbers meaning.

    Those of a live ladder change in place; those that `copy` returns never change.
    """

    __slots__ = ("ask_keys", "ask_qtys", "bid_keys", "bid_qtys", "depth", "price_precision", "qty_precision", "symbol")

    def __init__(self, symbol: str, depth: int, price_precision: int, qty_precision: int, *lists: Numbers) -> None:
        """Take the lists of bid keys, bid quantities, ask keys and ask quantities, or start with empty sides."""
        self.symbol: Final = symbol
        self.depth: Final = depth
        self.price_precision: Final = price_precision
        self.qty_precision: Final = qty_precision
        self.bid_keys, self.bid_qtys, self.ask_keys, self.ask_qtys = lists or ([], [], [], [])

    def copy(self) -> Sides:
        """Return the same sides in lists of their own."""
        return Sides(
            self.symbol,
            self.depth,
            self.price_precision,
            self.qty_precision,
            self.bid_keys.copy(),
            self.bid_qtys.copy(),
            self.ask_keys.copy(),
            self.ask_qtys.copy(),
        )

    def lists(self, side: str) -> tuple[Numbers, Numbers]:
        """Return keys and quantities of the "bids" or the "asks"."""
        match side:
            case "bids":
                return self.bid_keys, self.bid_qtys
            case "asks":
                return self.ask_keys, self.ask_qtys
            case _:
                raise InvalidArgument(f'side {side!r} must be "bids" or "asks"')

    def top(self) -> tuple[int, int] | None:
        """Return the best bid price and the best ask price in units; None if a side is empty."""
        if not (self.bid_keys and self.ask_keys):
            return None
        return self.price_units(self.bid_keys[0]), self.price_units(self.ask_keys[0])

    def price_units(self, key: float | Exact) -> int:
        """Return the price behind a key in units of 10^-price_precision."""
        return round(abs(key) * 10**self.price_precision)

    def qty_units(self, qty: float | Exact) -> int:
        """Return a quantity in units of 10^-qty_precision."""
        return round(qty * 10**self.qty_precision)

    def exact_entry(self) -> dict[str, list[dict[str, Exact]]]:
        """Return all levels as an entry of exact numbers, which a ladder of any precision can apply."""
        price_scale, qty_scale = 10**self.price_precision, 10**self.qty_precision
        return {
            name: [
                {"price": Exact(self.price_units(key), price_scale), "qty": Exact(self.qty_units(qty), qty_scale)}
                for key, qty in zip(*self.lists(name), strict=True)
            ]
            for name in ("bids", "asks")
        }


class Side:
    """One side of a ladder: its lists, and the tokens of its best levels."""

    __slots__ = (
        "depth", "keys", "largest_price", "largest_qty", "price_scale", "qty_scale", "qtys", "sign", "tokens", "width",
    )  # fmt: skip

    def __init__(self, sign: float, keys: Numbers, qtys: Numbers, sides: Sides, width: int) -> None:
        """Work on two lists of `sides`; `sign` is -1.0 for bids, 1.0 for asks; `width` tokens are kept."""
        self.sign: Final = sign
        self.keys: Final = keys
        self.qtys: Final = qtys
        self.tokens: Final[list[bytes]] = []
        self.depth: Final = sides.depth
        self.width: Final = min(width, sides.depth)
        self.price_scale: Final = 10.0**sides.price_precision
        self.qty_scale: Final = 10.0**sides.qty_precision
        self.largest_price: Final = largest_float(sides.price_precision)
        self.largest_qty: Final = largest_float(sides.qty_precision)
        self.cut()

    # One loop: a call for each level, or for each kind of change, would add a third to the time of a message.
    def change(self, levels: list[Any], largest_price: float, largest_qty: float) -> bool:  # noqa: C901, PLR0912
        """Apply levels in order, cut to depth, and return whether the best ten were touched.

        Raises `NeedExact` at the first number that is negative, not finite or larger than allowed. Then the levels
        before it are applied, and nothing is cut; applying all of them again is right, since quantities are absolute.
        """
        keys = self.keys
        tokens = self.tokens
        width = self.width
        best = width
        for level in levels:
            price = level["price"]
            qty = level["qty"] * 1.0  # a Decimal or a string fails here, before it can get among the floats
            key = price * self.sign
            i = bisect_left(keys, key)
            if i < len(keys) and keys[i] == key:
                if 0.0 < qty <= largest_qty:
                    self.qtys[i] = qty
                    if i < width:
                        tokens[i] = b"%d%d" % (round(price * self.price_scale), round(qty * self.qty_scale))
                elif qty == 0.0:
                    del keys[i], self.qtys[i]
                    if i < width:
                        del tokens[i]
                        if len(keys) >= width:
                            tokens.append(self.token(width - 1))
                else:
                    raise NeedExact(f"qty {qty!r}")
            elif not 0.0 < price <= largest_price:
                raise NeedExact(f"price {price!r}")
            elif 0.0 < qty <= largest_qty:
                keys.insert(i, key)
                self.qtys.insert(i, qty)
                if i < width:
                    tokens.insert(i, b"%d%d" % (round(price * self.price_scale), round(qty * self.qty_scale)))
                    if len(tokens) > width:
                        tokens.pop()
            elif qty == 0.0:
                continue  # "tolerate removal of an unknown price" (ws-v2 reference, section 3.2)
            else:
                raise NeedExact(f"qty {qty!r}")
            if i < best:  # noqa: PLR1730 - a call of min() for each level is slower
                best = i
        if len(keys) > self.depth:
            # "The server sends no delete for a level pushed out of range" (ws-v2 reference, section 3.2): without the
            # cut the checksum soon stops matching.
            del keys[self.depth :], self.qtys[self.depth :]
        return best < width

    def token(self, i: int) -> bytes:
        """Return the checksum text of a level: price and quantity in units, without separators or leading zeros."""
        return b"%d%d" % (round(self.keys[i] * self.sign * self.price_scale), round(self.qtys[i] * self.qty_scale))

    def cut(self) -> None:
        """Cut to depth, and complete the tokens."""
        del self.keys[self.depth :], self.qtys[self.depth :]
        self.tokens.extend(map(self.token, range(len(self.tokens), min(self.width, len(self.keys)))))

    def load(self, levels: list[Any]) -> bool:
        """Fill the empty side from a snapshot in one go; return False, having done nothing, if it is not a plain one.

        Plain means: floats and integers in the safe range, positive, strictly best first.
        """
        prices = [level["price"] for level in levels]
        qtys = [level["qty"] for level in levels]
        if not (PLAIN.issuperset(map(type, prices)) and PLAIN.issuperset(map(type, qtys))):
            return False
        keys = [price * self.sign for price in prices]
        ordered = all(map(lt, keys, keys[1:]))  # false for any NaN beside another price
        ends = all(0.0 < price <= self.largest_price for price in (*prices[:1], *prices[-1:]))
        if not (ordered and ends and all(0.0 < qty <= self.largest_qty for qty in qtys)):
            return False
        self.keys[:] = keys
        self.qtys[:] = qtys
        self.cut()
        return True


class Ladder:
    """Both sides of one book, and the CRC-32 of their best ten levels."""

    __slots__ = ("_asks", "_asks_crc", "_bids", "_bids_text", "_digits", "crc", "sides")

    def __init__(self, sides: Sides, *, checked: bool) -> None:
        """Work on `sides` from now on; with `checked` false no checksum is kept and `crc` is None."""
        width = CHECKSUM_LEVELS if checked else 0
        self.sides: Final = sides
        self._bids: Final = Side(-1.0, sides.bid_keys, sides.bid_qtys, sides, width)
        self._asks: Final = Side(1.0, sides.ask_keys, sides.ask_qtys, sides, width)
        self._digits: Final = Digits(sides.price_precision, sides.qty_precision)
        self._bids_text = b""
        self._asks_crc = 0
        self.crc: int | None = None
        self._compute()

    def change(self, bids: list[Any], asks: list[Any]) -> int | None:
        """Apply the levels of one message as they were decoded, and return the new checksum.

        Raises `NeedExact`, `KeyError`, `TypeError` or `OverflowError` when a level needs a closer look. Then the
        ladder is half changed, and the message must be given to `change_exactly`.
        """
        touched = False
        if asks:
            side = self._asks
            if side.change(asks, side.largest_price, side.largest_qty):
                self._asks_crc = crc32(b"".join(side.tokens), 0)
                touched = True
        if bids:
            side = self._bids
            if side.change(bids, side.largest_price, side.largest_qty):
                self._bids_text = b"".join(side.tokens)
                touched = True
        if touched:
            # Asks first, then bids (ws-v2 reference, section 4.1): the bids continue the CRC of the asks.
            self.crc = crc32(self._bids_text, self._asks_crc)
        return self.crc

    def plain(self, entry: Mapping[str, Any]) -> tuple[list[Any], list[Any]] | None:
        """Return bids and asks of an entry as `change` takes them, if a quick look shows no more digits than in use.

        Raises `KeyError`, `TypeError` or `OverflowError` when a level needs a closer look.
        """
        bids, asks = self._digits.floats(entry["bids"]), self._digits.floats(entry["asks"])
        return None if bids is None or asks is None else (bids, asks)

    def change_exactly(self, entry: object) -> int | None:
        """Apply an entry after looking at every number of it, and return the new checksum.

        Raises `NeedExact` where the entry holds a float that is too large, `MalformedBook` where it makes no sense.
        """
        sides = self.sides
        for side, name in ((self._bids, "bids"), (self._asks, "asks")):
            levels = plain_levels(entry, name, sides.price_precision, sides.qty_precision)
            try:
                side.change(levels, inf, inf)
            except NeedExact as error:
                raise MalformedBook(f"{name} hold a {error.reason}; prices are above 0, quantities not below") from None
        return self._compute()

    def load(self, entry: Mapping[str, Any]) -> int | None:
        """Fill the empty ladder from a snapshot, and return its checksum; errors are those of `change_exactly`."""
        try:
            plain = self._bids.load(entry["bids"]) and self._asks.load(entry["asks"])
            if not plain and (levels := self.plain(entry)) is not None:
                plain = self._bids.load(levels[0]) and self._asks.load(levels[1])
        except (KeyError, TypeError, OverflowError):
            plain = False
        return self._compute() if plain else self.change_exactly(entry)

    def fits(self, expected: int | None) -> bool:
        """Whether this is the book that Kraken's checksum tells of."""
        return self.crc is not None and self.crc == expected

    def rescaled(self, price_precision: int, qty_precision: int) -> Ladder:
        """Return a new ladder of the same levels at other precisions.

        Raises `MalformedBook` if a level has more digits than a new precision.
        """
        old = self.sides
        sides = Sides(old.symbol, old.depth, price_precision, qty_precision)
        ladder = Ladder(sides, checked=self.crc is not None)
        ladder.change_exactly(old.exact_entry())
        return ladder

    def _compute(self) -> int | None:
        if self._bids.width:
            self._bids_text = b"".join(self._bids.tokens)
            self._asks_crc = crc32(b"".join(self._asks.tokens), 0)
            self.crc = crc32(self._bids_text, self._asks_crc)
        return self.crc
