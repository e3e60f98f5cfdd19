"""Ten thousand frames that no exchange would send, at the decoder and at a live client (promise 20)."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rxkraken as rk
from rxkraken.session.router import Router
from rxkraken.streams.hub import Hub
from rxkraken.testing import ScriptedNetwork, outside, run

# They prove by what comes out; watching each line of millions would take minutes and show nothing more.
pytestmark = pytest.mark.no_cover
MUTANTS = 8000
SYMBOLS = ["BTC/USD", "ETH/USD"]


class Ear:
    """Hears what a router tells besides market data; a defect fails the test."""

    def __init__(self):
        self.heard: Counter[str] = Counter()

    def on_reply(self, reply):
        self.heard["reply"] += 1

    def on_system(self, system):
        self.heard["system"] += 1

    def on_unknown(self, unknown):
        self.heard["unknown"] += 1

    def on_connection_error(self, text):
        self.heard["error"] += 1

    def on_event(self, event):
        raise AssertionError(f"{event!r} is a frame, not an event")

    def on_defect(self, error):
        raise AssertionError("a frame made the router fail") from error


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(["book", "ticker", "trade", "ohlc", "instrument", "status", "heartbeat", "level3", "x", ""])
FIELDS = ("bids", "asks", "checksum", "price", "qty", "trade_id", "timestamp", "interval")
RECORDS = st.fixed_dictionaries({"symbol": st.sampled_from(SYMBOLS) | JSON}, optional=dict.fromkeys(FIELDS, JSON))
FRAMES = st.fixed_dictionaries(
    {},
    optional={
        "channel": WORDS | JSON,
        "type": st.sampled_from(["snapshot", "update"]) | JSON,
        "data": JSON | st.lists(RECORDS, max_size=2),
        "method": JSON, "error": JSON, "req_id": JSON, "result": JSON, "success": JSON, "warnings": JSON,
    },
)  # fmt: skip


@settings(max_examples=2500, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=40) | st.binary(max_size=40) | FRAMES)
def test_any_text_is_decoded_or_reported(frame):
    """Arbitrary texts, bytes and almost-frames: the router neither raises nor calls it a defect of its own."""
    ear = Ear()
    router = Router("fuzz", lambda: 0.0, ear, Hub("messages", lambda failure: None))
    try:
        raw = frame if isinstance(frame, str | bytes) else json.dumps(frame)
    except ValueError:
        raw = "NaN"
    router.receive(raw)
    router.receive('{"channel":"heartbeat"}')
    assert router.frames == 2


def mutate(raw: str, chance: random.Random) -> str | bytes:
    """Bend a real frame: cut it, swap or drop characters, replace a value, repeat a piece."""
    at = chance.randrange(len(raw))
    match chance.randrange(7):
        case 0:
            return raw[:at]
        case 1:
            return raw[:at] + chance.choice('{}[]",:-e9.\\\x00é\ud800') + raw[at + 1 :]
        case 2:
            return raw[:at] + raw[at + chance.randrange(12) :]
        case 3:
            return raw[:at] + raw[max(0, at - 30) : at] + raw[at:]
        case 4:
            return raw.encode(errors="replace")[:at] + b"\xff" + raw.encode(errors="replace")[at:]
        case 5:
            words = ["null", "true", "-1", "1e400", "NaN", '"x"', "[]", "{}", "99999999999999999999999", "0"]
            start = raw.find(":", at)
            end = min((i for i in (raw.find(",", start), raw.find("}", start)) if i > 0), default=at)
            return raw[: start + 1] + chance.choice(words) + raw[end:] if 0 < start < end else raw[::-1]
        case _:
            return raw.replace(chance.choice(["price", "qty", "symbol", "data", "type", "bids"]), "other")


def test_mutants_of_real_frames_neither_stop_nor_fool_a_live_client(captures):
    """Every subscriber goes on, every emitted book is verified, and real frames are understood afterwards."""
    chance = random.Random(5)
    frames = [
        json.loads(line)[1]
        for name in ("btcusd-book10-resubscribed", "messages-market-data", "messages-errors", "misc-2026-09-25")
        for line in (captures / "spot-v2" / f"{name}.ndjson").read_text().splitlines()
    ]
    snapshots = [raw for raw in frames if '"book"' in raw and '"snapshot"' in raw and '"method"' not in raw]
    network = ScriptedNetwork()

    async def main():
        books, others, ends, defects = [], [], [], []
        async with rk.KrakenClient(outside=outside(network)) as client:
            client.errors.subscribe(defects.append)
            client.book("BTC/USD", "MATIC/USD").subscribe(books.append, ends.append, lambda: ends.append("done"))
            for stream in (client.ticker("BTC/USD"), client.trades("BTC/USD"), client.ohlc("BTC/USD")):
                stream.subscribe(others.append, ends.append)
            await asyncio.sleep(0.01)
            for number in range(MUTANTS):
                network.link.say(mutate(chance.choice(frames), chance))
                if number % 50 == 0:
                    network.link.say(chance.choice(snapshots))
            assert ends == []
            assert [error for error in defects if "rxkraken fail" in str(error)] == []
            assert not network.link.closed
            before = len(books)
            complete = next(raw for raw in reversed(snapshots) if raw.count('"price"') >= 20 and "BTC/USD" in raw)
            network.link.say(complete)
            assert len(books) == before + 1
            network.link.lose()
        return books

    books = run(main)
    assert len(books) > 20
    assert all(book.verified for book in books)


@pytest.mark.parametrize("raw", ['{"channel":"book","type":"update","data":[{"symbol":"\\ud800"}]}', "\ud800", "﻿{}"])
def test_broken_unicode_is_only_unknown(raw):
    """Lone surrogates and byte order marks."""
    ear = Ear()
    router = Router("fuzz", lambda: 0.0, ear, Hub("messages", lambda failure: None))
    router.receive(raw)
    assert router.frames == 1
