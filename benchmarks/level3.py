"""What a verified book of single orders costs, next to `ujson.loads` of the same frames.

    python benchmarks/level3.py [--frames 20000] [--rounds 5]

Both sides of each ratio are timed in turns in one process, and the fastest round counts. The columns decode and do
more, in microseconds a frame and as a multiple of `loads`, which is `ujson.loads` alone:

* book: `Book3Reducer.apply`, every checksum verified, the emitted `OrderBook3` dropped at once;
* kept: the same while the consumer keeps every book (each gets lists of its own);
* place: the same while the consumer asks each for the queue position of one order;
* off: no checksum is computed.
"""

from __future__ import annotations

import argparse
import random
import time
import zlib
from collections import deque
from typing import TYPE_CHECKING, Any

import ujson

from rxkraken.books import Book3Reducer

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = [(10, 3), (10, 20), (100, 3), (1000, 3)]  # levels a side, orders a level


class Market:
    """Queues that move as live ones do: orders join and leave near the top, some shrink, some levels go."""

    def __init__(self, depth: int, crowd: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.depth = depth
        self.number = 0
        self.sides: dict[str, dict[int, list[tuple[str, int]]]] = {
            name: {500_000 + sign * 2 * step: [self._order() for _ in range(crowd)] for step in range(1, depth + 1)}
            for name, sign in (("bids", -1), ("asks", 1))
        }
        self.watched = self.sides["bids"][499_998][-1][0]

    def snapshot(self) -> str:
        entries = {
            name: [self._entry(price, order) for price in self._sorted(name) for order in self.sides[name][price]]
            for name in self.sides
        }
        return self._frame("snapshot", entries)

    def update(self) -> str:
        name = self.random.choice(("bids", "asks"))
        prices = self._sorted(name)
        price = prices[min(int(self.random.expovariate(0.4)), len(prices) - 1)]
        queue = self.sides[name][price]
        place = self.random.randrange(len(queue))
        entries: list[str] = []
        dice = self.random.random()
        if dice < 0.45 or queue[place][0] == self.watched:
            queue.append(self._order())
            entries.append(self._entry(price, queue[-1], "add"))
        elif dice < 0.9:
            entries.append(self._entry(price, queue.pop(place), "delete"))
            if not queue:
                entries += self._next_level(name, price, prices[-1])
        else:
            order_id, qty = queue[place]
            queue[place] = (order_id, max(1, qty // 2))
            entries.append(self._entry(price, queue[place], "modify"))
        return self._frame("update", {name: entries})

    def _next_level(self, name: str, gone: int, last: int) -> list[str]:
        """A level is gone, so the one behind the last comes into range."""
        del self.sides[name][gone]
        far = last + (2 if name == "asks" else -2)
        self.sides[name][far] = [self._order() for _ in range(3)]
        return [self._entry(far, order, "add") for order in self.sides[name][far]]

    def _order(self) -> tuple[str, int]:
        self.number += 1
        return f"O{self.number:05}-ABCDE-FGHIJK", self.random.randrange(1, 10**9)

    def _sorted(self, name: str) -> list[int]:
        return sorted(self.sides[name], reverse=name == "bids")

    def _entry(self, price: int, order: tuple[str, int], event: str = "") -> str:
        head = f'"event":"{event}",' if event else ""
        return (
            f'{{{head}"order_id":"{order[0]}","limit_price":{price // 10}.{price % 10},'
            f'"order_qty":{order[1] // 10**8}.{order[1] % 10**8:08},"timestamp":"2026-01-01T00:00:00.000000000Z"}}'
        )

    def _frame(self, kind: str, entries: dict[str, list[str]]) -> str:
        best = [
            f"{price}{qty}"
            for name in ("asks", "bids")
            for price in self._sorted(name)[:10]
            for _, qty in self.sides[name][price]
        ]
        return (
            f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":"BTC/USD",'
            f'"checksum":{zlib.crc32("".join(best).encode())},"timestamp":"2026-01-01T00:00:00.000000000Z",'
            f'"bids":[{",".join(entries.get("bids", []))}],"asks":[{",".join(entries.get("asks", []))}]}}]}}'
        )


def replay(frames: list[str], depth: int, checksum: Any, use: Callable[[Any], object]) -> Callable[[], float]:
    """Return what decodes and applies all updates, and says how many seconds that took."""

    def run() -> float:
        reducer = Book3Reducer("BTC/USD", depth, checksum=checksum, price_precision=1, qty_precision=8)
        first, *updates = frames
        reducer.apply(ujson.loads(first)["data"][0], "snapshot", first, 0.0, 1)
        start = time.perf_counter()
        for raw in updates:
            frame = ujson.loads(raw)
            use(reducer.apply(frame["data"][0], frame["type"], raw, 0.0, 1))
        took = time.perf_counter() - start
        if checksum == "verify" and reducer.counters.verified != len(frames):
            raise SystemExit(f"only {reducer.counters.verified} of {len(frames)} books were verified")
        return took

    return run


def decode(frames: list[str]) -> float:
    """Seconds of decoding alone."""
    start = time.perf_counter()
    for raw in frames[1:]:
        ujson.loads(raw)
    return time.perf_counter() - start


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--frames", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    print(
        f"{'depth':>6}{'crowd':>6}{'loads us':>10}"
        + "".join(f"{name:>16}" for name in ("book", "kept", "place", "off"))
    )
    for depth, crowd in CASES:
        market = Market(depth, crowd, depth)
        watched = market.watched
        frames = [market.snapshot(), *(market.update() for _ in range(chosen.frames))]
        runs = [
            lambda frames=frames: decode(frames),
            replay(frames, depth, "verify", lambda _: None),
            replay(frames, depth, "verify", deque(maxlen=100).append),
            replay(frames, depth, "verify", lambda book, watched=watched: book.queue_position(watched)),
            replay(frames, depth, "off", lambda _: None),
        ]
        rounds = [[run() for run in runs] for _ in range(chosen.rounds)]
        loads, *others = (min(times) / chosen.frames for times in zip(*rounds, strict=True))
        cells = "".join(f"{took * 1e6:>8.2f} ({took / loads:4.2f})" for took in others)
        print(f"{depth:>6}{crowd:>6}{loads * 1e6:>10.2f}{cells}", flush=True)


if __name__ == "__main__":
    main()
