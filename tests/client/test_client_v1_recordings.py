"""Recorded v1 traffic, played to a whole client: everything in it arrives, and no part of it is a surprise."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import rxkraken as rk
from rxkraken.testing import ScriptedNetwork, outside, run

D = Decimal


def frames_of(path):
    """The frames of a recording, as texts."""
    return [json.loads(line)[1] for line in path.read_text().splitlines()]


async def play(captures, name, stream_of):
    """Play a recording to a client; returns what its stream emitted, and what was not understood."""
    net, items, strange = ScriptedNetwork(), [], []
    async with rk.KrakenV1Client(outside=outside(net)) as client:
        client.unknown.subscribe(lambda item: strange.append(item.reason))
        stream_of(client).subscribe(items.append)
        await asyncio.sleep(0.1)
        net.link.say(*frames_of(captures / "spot-v1" / name))
        await asyncio.sleep(0.1)
    return items, strange


def test_every_update_of_a_recorded_book_is_verified(captures):
    async def main():
        items, strange = await play(captures, "xbtusd-book10.ndjson", lambda client: client.book("BTC/USD"))
        assert (len(items), all(book.verified for book in items), strange) == (979, True, [])
        # Pads its numbers as v1 does: a market of one decimal comes with five.
        assert items[-1].price_precision == 5

    run(main)


def test_recorded_trades_arrive_with_v2s_words(captures):
    async def main():
        pairs = {
            json.loads(text)[-1] for text in frames_of(captures / "spot-v1/ten-pairs-trade.ndjson") if text[0] == "["
        }
        items, strange = await play(captures, "ten-pairs-trade.ndjson", lambda client: client.trades(*pairs))
        rows = [
            row
            for text in frames_of(captures / "spot-v1/ten-pairs-trade.ndjson")
            if text[0] == "["
            for row in json.loads(text)[1]
        ]
        assert [(trade.price, trade.qty) for trade in items] == [(D(row[0]), D(row[1])) for row in rows]
        assert {trade.side for trade in items} <= {"buy", "sell"}
        assert {trade.ord_type for trade in items} <= {"limit", "market"}
        assert strange == []

    run(main)


def test_recorded_tickers_arrive_whole(captures):
    async def main():
        frames = [
            json.loads(text) for text in frames_of(captures / "spot-v1/ten-pairs-ticker.ndjson") if text[0] == "["
        ]
        pairs = {frame[-1] for frame in frames}
        items, strange = await play(captures, "ten-pairs-ticker.ndjson", lambda client: client.ticker(*pairs))
        assert [(item.bid, item.ask, item.trades) for item in items] == [
            (D(frame[1]["b"][0]), D(frame[1]["a"][0]), frame[1]["t"][1]) for frame in frames
        ]
        assert all(item.change == item.last - D(frame[1]["o"][1]) for item, frame in zip(items, frames, strict=True))
        assert strange == []

    run(main)
