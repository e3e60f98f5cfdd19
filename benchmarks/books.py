"""What a verified order book costs, beside decoding its frames: `python benchmarks/books.py [folder with spot-v2]`.

Each feed is replayed from memory, best of several rounds. `loads` is `ujson.loads` alone; the other columns decode and
do more, in microseconds a frame and as a multiple of `loads`:

* book: `BookReducer.apply`, every checksum verified, the emitted `Book` dropped at once;
* kept: the same while the consumer keeps every book (each gets a copy of its own);
* read: the same while the consumer reads best bid, best ask and mid of each;
* flag off: no checksum is computed;
* scan: `reduce_book` from text to state.
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

    def reducer(self, checksum: str = "verify") -> BookReducer:
        """Return a fresh reducer for this feed."""
        price, qty = self.precision
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
        start = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - start)
    return best / frames * 1e6


def decode(feed: Feed) -> None:
    """Decode only."""
    loads = ujson.loads
    for raw in feed.frames:
        loads(raw)


def books(feed: Feed, consume: Callable[[Any], object] = bool, checksum: str = "verify") -> None:
    """Decode, apply, and hand each book to the consumer."""
    loads = ujson.loads
    reducer = feed.reducer(checksum)
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
        "scan": scan,
    }
    print(f"crc32 of {CRC32_SOURCE}; microseconds a frame (multiple of loads)")
    print(f"{'feed':28}{'frames':>7}{'loads':>8}" + "".join(f"{name:>15}" for name in columns))
    for feed in feeds:
        count = len(feed.frames)
        base = microseconds(lambda feed=feed: decode(feed), count)
        times = [microseconds(lambda run=run, feed=feed: run(feed), count) for run in columns.values()]
        print(f"{feed.name:28}{count:7}{base:8.2f}" + "".join(f"{each:8.2f} ({each / base:4.2f})" for each in times))


if __name__ == "__main__":
    main()
