"""What a verified order book costs, beside decoding its frames: `python benchmarks/books.py [folder with spot-v2]`.

Each feed is replayed from memory, best of several rounds. `loads` is `ujson.loads` alone; the other columns decode and
do more, in microseconds a frame and as a multiple of `loads`:

* book: `BookReducer.apply`, every checksum verified, the emitted `Book` dropped at once;
* kept: the same while the consumer keeps every book (each gets a copy of its own);
* read: the same while the consumer reads best bid, best ask and mid of each;
* flag off: no checksum is computed;
* unknown: the digits of prices and quantities are not known, and taken from the wire;
* scan: `reduce_book` from text to state.

The last table is for WebSocket v1, whose numbers are texts: microseconds a frame to read it, and to apply what was
read, with digits that are known and that are not (as in the v1 client: v1 pads otherwise than the instruments say).
"""

from __future__ import annotations

import json
import random
import sys
import time
import zlib
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ujson

from rxkraken.books import BookReducer, BookState, reduce_book
from rxkraken.books.checksum import CRC32_SOURCE
from rxkraken.books.numbers import wire_precision
from rxkraken.protocol import spot_v1

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 15


class Feed:
    """Book frames of one symbol, with what a client knows about it."""

    def __init__(self, name: str, symbol: str, depth: int, precision: tuple[int, int], frames: list[str]) -> None:
        self.name = name
        self.symbol = symbol
        self.depth = depth
        self.precision = precision
        self.frames = frames

    def reducer(self, checksum: str = "verify", *, known: bool = True) -> BookReducer:
        """Return a fresh reducer for this feed."""
        price, qty = self.precision if known else (None, None)
        return BookReducer(self.symbol, self.depth, checksum=checksum, price_precision=price, qty_precision=qty)


def recorded(folder: Path, name: str, symbol: str, depth: int, precision: tuple[int, int]) -> Feed:
    """Return the book frames of a capture."""
    lines = (folder / "spot-v2" / f"{name}.ndjson").read_text().splitlines()
    frames = [json.loads(line)[1] for line in lines]
    return Feed(name, symbol, depth, precision, [frame for frame in frames if frame.startswith('{"channel":"book"')])


def synthetic(depth: int, updates: int = 2000, seed: int = 1) -> Feed:
    """Return a random walk of a deep book with right checksums, changes gathering near the top as on a live market."""
    rng = random.Random(seed)
    sides = {"bids": {600000 - i: rng.randrange(1, 10**9) for i in range(depth)},
             "asks": {600001 + i: rng.randrange(1, 10**9) for i in range(depth)}}  # fmt: skip
    frames = [_frame("snapshot", {name: _best(name, side) for name, side in sides.items()}, sides)]
    for _ in range(updates):
        name = rng.choice(("bids", "asks"))
        side, step = sides[name], -1 if name == "bids" else 1
        best = sorted(side, reverse=step < 0)
        price = best[min(int(rng.expovariate(8 / depth)), depth - 1)]
        changes = [(price, rng.randrange(1, 10**9))]
        if rng.random() < 0.3:
            changes = [(price, 0), (best[-1] + step, rng.randrange(1, 10**9))]
        for at, qty in changes:
            side[at] = qty
            if not qty:
                del side[at]
        frames.append(_frame("update", {"bids": [], "asks": [], name: changes}, sides))
    return Feed(f"synthetic depth {depth}", "BTC/USD", depth, (1, 8), frames)


def _best(name: str, side: dict[int, int]) -> list[tuple[int, int]]:
    return sorted(side.items(), reverse=name == "bids")


def _frame(kind: str, changes: dict[str, list[tuple[int, int]]], sides: dict[str, dict[int, int]]) -> str:
    text = "".join(f"{price}{qty}" for name in ("asks", "bids") for price, qty in _best(name, sides[name])[:10])
    levels = {
        name: ",".join(f'{{"price":{p // 10}.{p % 10},"qty":{q // 10**8}.{q % 10**8:08}}}' for p, q in pairs)
        for name, pairs in changes.items()
    }
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":[{levels["bids"]}],'
        f'"asks":[{levels["asks"]}],"checksum":{zlib.crc32(text.encode())},"timestamp":"2026-08-02T04:23:43.019117Z"}}]}}'
    )


def microseconds(run: Callable[[], object], frames: int) -> float:
    """Return the best time of a round, a frame."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best / frames * 1e6


def decode(feed: Feed) -> None:
    """Decode only."""
    loads = ujson.loads
    for raw in feed.frames:
        loads(raw)


def books(feed: Feed, consume: Callable[[Any], object] = bool, checksum: str = "verify", *, known: bool = True) -> None:
    """Decode, apply, and hand each book to the consumer."""
    loads = ujson.loads
    reducer = feed.reducer(checksum, known=known)
    apply = reducer.apply
    for raw in feed.frames:
        frame = loads(raw)
        for entry in frame["data"]:
            # No local name for the book: it would keep it alive, and have it copied, until the next one.
            consume(apply(entry, frame["type"], raw, 1.0, 1))
    if checksum == "verify" and reducer.counters.verified != len(feed.frames):
        message = f"{feed.name}: {reducer.counters}, {reducer.last_error}"
        raise SystemExit(message)


def scan(feed: Feed) -> None:
    """Fold the frames with `reduce_book`."""
    state = BookState.empty(feed.symbol, feed.depth, *feed.precision)
    for raw in feed.frames:
        state = reduce_book(state, raw)


def recorded_v1(folder: Path, name: str) -> tuple[list[Any], list[tuple[dict[str, Any], str]]]:
    """Return the book frames of a v1 capture, decoded, and what is read from them."""
    lines = (folder / "spot-v1" / f"{name}.ndjson").read_text().splitlines()
    decoded = [json.loads(json.loads(line)[1]) for line in lines]
    frames = [frame for frame in decoded if isinstance(frame, list) and str(frame[-2]).startswith("book")]
    return frames, [spot_v1.book(frame[1:-2], frame[-1]) for frame in frames]


def apply_v1(entries: list[tuple[dict[str, Any], str]], depth: int, precision: tuple[int | None, int | None]) -> None:
    """Apply what was read from v1 frames; a snapshot of v1 has no checksum."""
    price, qty = precision
    reducer = BookReducer(entries[0][0]["symbol"], depth, price_precision=price, qty_precision=qty)
    for entry, kind in entries:
        reducer.apply(entry, kind, "", 1.0, 1)
    counters = reducer.counters
    if counters.verified != counters.updates:
        message = f"v1: {counters}, {reducer.last_error}"
        raise SystemExit(message)


def table_of_v1(folder: Path) -> None:
    """Print one line a v1 capture."""
    print(f"\n{'v1 feed':28}{'frames':>7}{'read':>8}{'known':>15}{'unknown':>15}")
    for name in ("xbtusd-book10", "xdgusd-seven-decimals"):
        frames, entries = recorded_v1(folder, name)
        depth = int(frames[0][-2].partition("-")[2])
        read = microseconds(lambda frames=frames: [spot_v1.book(each[1:-2], each[-1]) for each in frames], len(frames))
        times = [
            microseconds(lambda depth=depth, known=known, entries=entries: apply_v1(entries, depth, known), len(frames))
            for known in (wire_precision(entries[0][0]), (None, None))
        ]
        print(f"{name:28}{len(frames):7}{read:8.2f}" + "".join(f"{each:15.2f}" for each in times))


def main() -> None:
    """Print one line a feed."""
    here = Path(__file__).resolve().parents[1]
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "tests" / "captures"
    feeds = [
        recorded(folder, "btcusd-book10-float-text", "BTC/USD", 10, (1, 8)),
        recorded(folder, "btcusd-book10-resubscribed", "BTC/USD", 10, (1, 8)),
        recorded(folder, "ethusd-book25", "ETH/USD", 25, (2, 8)),
        synthetic(10),
        synthetic(100),
        synthetic(1000),
    ]
    columns = {
        "book": books,
        "kept": lambda feed: books(feed, deque(maxlen=2).append),
        "read": lambda feed: books(feed, lambda book: (book.best_bid, book.best_ask, book.mid)),
        "off": lambda feed: books(feed, checksum="off"),
        "unknown": lambda feed: books(feed, known=False),
        "scan": scan,
    }
    print(f"crc32 of {CRC32_SOURCE}; microseconds a frame (multiple of loads)")
    print(f"{'feed':28}{'frames':>7}{'loads':>8}" + "".join(f"{name:>15}" for name in columns))
    for feed in feeds:
        count = len(feed.frames)
        base = microseconds(lambda feed=feed: decode(feed), count)
        times = [microseconds(lambda run=run, feed=feed: run(feed), count) for run in columns.values()]
        print(f"{feed.name:28}{count:7}{base:8.2f}" + "".join(f"{each:8.2f} ({each / base:4.2f})" for each in times))
    table_of_v1(folder)


if __name__ == "__main__":
    main()
