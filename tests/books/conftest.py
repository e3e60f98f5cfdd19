"""What the book tests share: an order book written as plainly as the rule reads, and frames in Kraken's own text."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from decimal import Decimal

import pytest


def text(number: Decimal, digits: int) -> str:
    """The checksum text of a number: fixed digits, no point, no leading zeros (ws-v2 reference section 4.1)."""
    return format(number, f".{digits}f").replace(".", "").lstrip("0")


@dataclass
class NaiveBook:
    """A dict a side, sorted and cut after every message, with a checksum from formatted text."""

    depth: int
    price_digits: int
    qty_digits: int
    symbol: str = "BTC/USD"
    sides: dict[str, dict[Decimal, Decimal]] = field(default_factory=lambda: {"bids": {}, "asks": {}})

    def apply(self, bids, asks) -> None:
        """Apply (price, quantity) pairs in order, then keep the best levels of each side."""
        for name, changes in (("bids", bids), ("asks", asks)):
            side = self.sides[name]
            for price, qty in changes:
                side.pop(price, None)
                if qty:
                    side[price] = qty
            self.sides[name] = dict(self.levels(name)[: self.depth])

    def levels(self, name: str) -> list[tuple[Decimal, Decimal]]:
        """The levels of a side, best first."""
        return sorted(self.sides[name].items(), reverse=name == "bids")

    @property
    def checksum(self) -> int:
        """The CRC-32 of the best ten asks, then the best ten bids."""
        best = self.levels("asks")[:10] + self.levels("bids")[:10]
        return zlib.crc32(
            "".join(text(price, self.price_digits) + text(qty, self.qty_digits) for price, qty in best).encode()
        )

    def frame(self, kind: str, bids, asks, *, checksum: int | None = None) -> str:
        """Apply a message and return its text, as Kraken writes it; `checksum` replaces the right one."""
        if kind == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        self.apply(bids, asks)
        sent = self.checksum if checksum is None else checksum
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{self.symbol}","bids":[{self._wire(bids)}],'
            f'"asks":[{self._wire(asks)}],"checksum":{sent},"timestamp":"2026-08-01T02:53:53.398143Z"}}]}}'
        )

    def _wire(self, levels) -> str:
        return ",".join(
            f'{{"price":{price:.{self.price_digits}f},"qty":{qty:.{self.qty_digits}f}}}' for price, qty in levels
        )


def pairs(*levels: str) -> list[tuple[Decimal, Decimal]]:
    """`pairs("100.5 x 2")` is one level: price 100.5, quantity 2."""
    return [(Decimal(price), Decimal(qty)) for price, _, qty in (level.split() for level in levels)]


def shown(book) -> dict[str, list[tuple[Decimal, Decimal]]]:
    """The levels of a book as pairs, to compare with those of a naive one."""
    return {"bids": [(at.price, at.qty) for at in book.bids], "asks": [(at.price, at.qty) for at in book.asks]}


class Plain:
    """The plain book and its words: `book(depth, price_digits, qty_digits)`, `at("1.5 x 2")`, `levels(book)`."""

    book = NaiveBook
    at = staticmethod(pairs)

    @staticmethod
    def levels(book) -> dict[str, list[tuple[Decimal, Decimal]]]:
        """The levels of a book, plain or not, as pairs."""
        return {name: book.levels(name) for name in book.sides} if isinstance(book, NaiveBook) else shown(book)


@pytest.fixture(scope="session")
def plain():
    """The plain book to compare with."""
    return Plain
