"""What an order costs on its way to the exchange and back: `python benchmarks/latency.py [orders] [--profile]`.

A simulator in a process of its own answers at once, over loopback. Limit orders far from a market that stands still are
placed and cancelled one after the other, by each client in turn; only the placing is timed, from the call to the ack:

* bare: an aiohttp WebSocket and ujson; the request is ready but for ids and deadline, the answer is told by `req_id`;
* following: the same, subscribed to `executions`, as rxkraken is, so that the same frames come in before the ack;
* rxkraken: `await client.add_order(...)`.

In microseconds, with multiples of the other two. `--profile` prints where the time of rxkraken's orders goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import multiprocessing
import pstats
import time
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import aiohttp
import ujson

import rxkraken as rk
from rxkraken.rest.limits import Limits, Tier
from rxkraken.simulator import Simulator
from rxkraken.simulator.limits import ALLOWANCES, Allowance

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from rxkraken.models.orders import AddOrderResult

SYMBOL = "BTC/USD"
PRICE, QTY = Decimal("1000.5"), Decimal("0.01")
WARM_UP = 200
PROFILED = 1500


# --- the exchange -----------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Where the exchange is, and a key to an account of its own for each client."""

    endpoints: rk.Endpoints
    keys: list[tuple[str, str]]


def serve(pipe: Connection, accounts: int) -> None:
    """Run the exchange until the other end of the pipe says so. It counts requests, and allows any number of them."""
    ALLOWANCES["pro"] = Allowance(1_000_000_000, 1.0, 1_000_000)

    async def main() -> None:
        async with Simulator(seed=1, symbols=[SYMBOL], rate=0, latency=0.0) as simulator:
            keys: list[tuple[str, str]] = []
            for number in range(accounts):
                account = simulator.exchange.add_account(f"bench-{number}", balances={"USD": 1_000_000})
                simulator.exchange.add_key(account)
                keys.append((account.keys[0].key, account.keys[0].secret))
            pipe.send(Place(simulator.endpoints, keys))
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    asyncio.run(main())


# --- the clients ------------------------------------------------------------------------------------------------------


class Trader(Protocol):
    """Places one order, which is timed, and cancels it, which is not."""

    async def place(self) -> Any: ...
    async def cancel(self, placed: Any) -> None: ...


class Ours:
    """rxkraken, as its users hold it."""

    def __init__(self, client: rk.KrakenClient) -> None:
        self._client = client

    async def place(self) -> AddOrderResult:
        return await self._client.add_order(SYMBOL, "buy", "limit", qty=QTY, price=PRICE)

    async def cancel(self, placed: AddOrderResult) -> None:
        await self._client.cancel_order(placed.order_id)


class Bare:
    """An aiohttp WebSocket and nothing else; `params` is what rxkraken sends for the same order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, token: str, params: dict[str, Any]) -> None:
        self._socket = socket
        self._token = token
        self._params = ujson.loads(ujson.dumps(params | {"token": token}))
        self._last = 0

    async def follow(self) -> None:
        """Subscribe to the executions of the account."""
        await self.ask("subscribe", {"channel": "executions", "token": self._token})

    async def place(self) -> dict[str, Any]:
        self._params["cl_ord_id"] = str(uuid.uuid4())
        deadline = datetime.now(UTC) + timedelta(seconds=5)
        self._params["deadline"] = deadline.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return await self.ask("add_order", self._params)

    async def cancel(self, placed: dict[str, Any]) -> None:
        await self.ask("cancel_order", {"order_id": [placed["result"]["order_id"]], "token": self._token})

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._last += 1
        await self._socket.send_str(ujson.dumps({"method": method, "params": params, "req_id": self._last}))
        while True:
            frame = ujson.loads(await self._socket.receive_str())
            if frame.get("req_id") == self._last:
                if not frame["success"]:
                    raise SystemExit(f"{method}: {frame['error']}")
                return frame


# --- the measurement --------------------------------------------------------------------------------------------------


async def measure(traders: dict[str, Trader], orders: int) -> dict[str, list[float]]:
    """Let the traders take turns; the seconds that each order of each took."""
    times: dict[str, list[float]] = {name: [] for name in traders}
    for number in range(-WARM_UP, orders):
        for name, trader in traders.items():
            start = time.perf_counter()
            placed = await trader.place()
            taken = time.perf_counter() - start
            await trader.cancel(placed)
            await asyncio.sleep(0.0005)  # what the exchange says about it afterwards is not the next order's to pay for
            if number >= 0:
                times[name].append(taken)
    return times


async def profile(trader: Trader) -> None:
    """Print the functions of this process that take the most time while orders are placed and cancelled."""
    profiler = cProfile.Profile()
    for _ in range(PROFILED):
        profiler.enable()
        placed = await trader.place()
        profiler.disable()
        await trader.cancel(placed)
        await asyncio.sleep(0.0005)
    for order in ("tottime", "cumulative"):
        pstats.Stats(profiler).sort_stats(order).print_stats(35)


def report(times: dict[str, list[float]]) -> None:
    """Print a line for each trader."""
    rows = {name: (_at(taken, 0.5) * 1e6, _at(taken, 0.99) * 1e6) for name, taken in times.items()}
    print(f"add_order to ack over loopback, {len(times['bare'])} orders each in turn; microseconds, multiples at both")
    print(f"{'':12}{'p50':>8}{'p99':>8}{'of bare':>16}{'of following':>16}")
    for name, row in rows.items():
        line = f"{name:12}" + "".join(f"{each:8.0f}" for each in row)
        for other in ("bare", "following"):
            line += "".join(f"{mine / theirs:8.2f}" for mine, theirs in zip(row, rows[other], strict=True))
        print(line)


def _at(taken: list[float], share: float) -> float:
    return sorted(taken)[min(len(taken) - 1, int(len(taken) * share))]


async def main(place: Place, orders: int, *, profiled: bool) -> None:
    """Connect every client, and measure or profile."""
    limits = Limits("pro")
    limits.trading.retier(Tier("pro", 1e9, 1e9, 1e9, 1e9, 1_000_000))
    settings = rk.Settings(order_rate=1e6, order_burst=1_000_000)
    ours = rk.KrakenClient(place.endpoints, rk.Credentials(*place.keys[0]), settings, limits=limits)
    async with ours, aiohttp.ClientSession() as http:
        params = dict(ours.add_order(SYMBOL, "buy", "limit", qty=QTY, price=PRICE).request.params)
        traders: dict[str, Trader] = {}
        for number, name in enumerate(("bare", "following"), 1):
            async with rk.KrakenClient(place.endpoints, rk.Credentials(*place.keys[number])) as other:
                token = (await other.rest.get_websockets_token()).token
            socket = await http.ws_connect(place.endpoints.auth)
            bare = traders[name] = Bare(socket, str(token), params)
            if name == "following":
                await bare.follow()
        traders["rxkraken"] = Ours(ours)
        gc.freeze()
        if profiled:
            await profile(traders["rxkraken"])
        else:
            report(await measure(traders, orders))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("orders", type=int, nargs="?", default=3000)
    parser.add_argument("--profile", action="store_true")
    chosen = parser.parse_args()
    here, there = multiprocessing.Pipe()
    exchange = multiprocessing.get_context("spawn").Process(target=serve, args=(there, 3))
    exchange.start()
    try:
        asyncio.run(main(here.recv(), chosen.orders, profiled=chosen.profile))
    finally:
        here.send("enough")
        exchange.join()
