"""From raw text to one subscriber's verified book, through the whole client, next to `ujson.loads` of the same frames.

    python benchmarks/pipeline.py [--frames 20000] [--rounds 5]

Prints frames per second, microseconds per frame and the ratio to `ujson.loads` alone, for depths 10, 100 and 1000 and
for 1 to 1000 symbols. Both sides of each ratio are timed in turns in one process, and the fastest round counts.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
import zlib
from typing import Any

import ujson

import rxkraken as rk
from rxkraken.testing import ScriptedNetwork, outside

CASES = [(10, 1), (10, 10), (10, 100), (10, 1000), (100, 1), (1000, 1)]


class Market:
    """A book that moves as live ones do: mostly quantity changes, some levels that go and some that come."""

    def __init__(self, symbol: str, depth: int, seed: int) -> None:
        """Fill both sides around a price of 30,000.0."""
        self.symbol = symbol
        self.depth = depth
        self.random = random.Random(seed)
        self.sides: dict[str, dict[int, int]] = {
            "bids": {300_000 - 2 * step: self._qty() for step in range(depth)},
            "asks": {300_001 + 2 * step: self._qty() for step in range(depth)},
        }

    def snapshot(self) -> str:
        """The first frame."""
        bids, asks = ([(price, self.sides[name][price]) for price in self._sorted(name)] for name in ("bids", "asks"))
        return self._frame("snapshot", bids, asks)

    def update(self) -> str:
        """One more frame: 60 % change a quantity, 20 % insert a level, 20 % remove one and show the next."""
        name = self.random.choice(("bids", "asks"))
        side, prices = self.sides[name], self._sorted(name)
        near = prices[min(int(self.random.expovariate(0.3)), len(prices) - 1)]
        dice = self.random.random()
        entries: list[tuple[int, int]] = []
        if dice < 0.6:
            side[near] = self._qty()
            entries.append((near, side[near]))
        elif dice < 0.8 and near + 1 not in self.sides["bids"] and near + 1 not in self.sides["asks"]:
            price = near + (2 if name == "asks" else -2)
            side[price] = self._qty()
            entries.append((price, side[price]))
        else:
            del side[near]
            far = prices[-1] + (2 if name == "asks" else -2)
            side[far] = self._qty()
            entries += [(near, 0), (far, side[far])]
        for price in self._sorted(name)[self.depth :]:
            del side[price]
        return self._frame("update", *((entries, []) if name == "bids" else ([], entries)))

    def _qty(self) -> int:
        return self.random.randrange(1, 10**9)

    def _sorted(self, name: str) -> list[int]:
        return sorted(self.sides[name], reverse=name == "bids")

    def _frame(self, kind: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> str:
        def text(levels: list[tuple[int, int]]) -> str:
            return ",".join(
                f'{{"price":{price // 10}.{price % 10},"qty":{qty // 10**8}.{qty % 10**8:08}}}' for price, qty in levels
            )

        best = [(price, self.sides[name][price]) for name in ("asks", "bids") for price in self._sorted(name)[:10]]
        checksum = zlib.crc32("".join(f"{price}{qty}" for price, qty in best).encode())
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{self.symbol}","bids":[{text(bids)}],'
            f'"asks":[{text(asks)}],"checksum":{checksum},"timestamp":"2026-01-01T00:00:00.000000Z"}}]}}'
        )


def frames_of(depth: int, symbols: int, count: int) -> tuple[list[str], list[bytes]]:
    """Snapshots of all symbols, then updates of one after the other."""
    markets = [Market(f"S{number}/USD", depth, number) for number in range(symbols)]
    snapshots = [market.snapshot() for market in markets]
    return snapshots, [markets[number % symbols].update().encode() for number in range(count)]


def instruments(symbols: int) -> dict[str, Any]:
    """The table that tells the digits of every symbol, as the exchange sends it first."""
    rules = {
        "quote": "USD", "status": "online", "price_precision": 1, "qty_precision": 8, "price_increment": 0.1,
        "qty_increment": 1e-8, "qty_min": 1e-4, "cost_precision": 5, "cost_min": 0.5,
    }  # fmt: skip
    pairs = [{"symbol": f"S{number}/USD", "base": f"S{number}", **rules} for number in range(symbols)]
    return {"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": pairs}}


async def measure(depth: int, symbols: int, count: int, rounds: int) -> tuple[float, float]:
    """Seconds per frame of `ujson.loads` alone, and of the whole pipeline."""
    snapshots, updates = frames_of(depth, symbols, count)
    network = ScriptedNetwork()
    emitted = 0

    def subscriber(_: Any) -> None:
        nonlocal emitted
        emitted += 1

    decode, pipeline = [], []
    async with rk.KrakenClient(outside=outside(network)) as client:
        client.book(*(f"S{number}/USD" for number in range(symbols)), depth=depth).subscribe(subscriber)
        await asyncio.sleep(0.01)  # the connection opens
        receive = network.link.deliver
        network.link.say(instruments(symbols))
        for _ in range(rounds):
            for snapshot in snapshots:
                receive(snapshot)
            emitted = 0
            start = time.perf_counter()
            for frame in updates:
                ujson.loads(frame)
            decode.append(time.perf_counter() - start)
            start = time.perf_counter()
            for frame in updates:
                receive(frame)
            pipeline.append(time.perf_counter() - start)
            if emitted != len(updates):
                raise SystemExit(f"only {emitted} of {len(updates)} books were verified")
    return min(decode) / count, min(pipeline) / count


def main() -> None:
    """Print a table."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--frames", type=int, default=20_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    print(f"{'depth':>6}{'symbols':>9}{'frames/s':>12}{'us/frame':>10}{'ujson us':>10}{'ratio':>8}")
    for depth, symbols in CASES:
        decode, pipeline = asyncio.run(measure(depth, symbols, chosen.frames, chosen.rounds))
        print(
            f"{depth:>6}{symbols:>9}{1 / pipeline:>12,.0f}{pipeline * 1e6:>10.2f}{decode * 1e6:>10.2f}"
            f"{pipeline / decode:>8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
