"""What comes from outside cannot forge a line of the log, nor break a file that is written in some encoding."""

from __future__ import annotations

import asyncio
import io
import logging

import pytest

import rxkraken as rk
from rxkraken.logs import logger
from rxkraken.testing import ScriptedNetwork, outside, run


@pytest.fixture
def written():
    """A strict UTF-8 file that the library logs to."""
    raw = io.BytesIO()
    handler = logging.StreamHandler(io.TextIOWrapper(raw, encoding="utf-8", write_through=True))
    root = logging.getLogger("rxkraken")
    root.addHandler(handler)
    yield lambda: raw.getvalue().decode()
    root.removeHandler(handler)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("plain é 日本", "heard plain é 日本"),
        ("two\nlines\r\n", r"heard two\nlines\r\n"),
        ("\x1b[31mred", r"heard \x1b[31mred"),
        ("half \ud800", r"heard half \ud800"),
    ],
)
def test_every_message_is_one_printable_line(written, said, line):
    logger("rxkraken.session").warning("heard %s", said)
    assert written() == line + "\n"


def test_a_frame_with_half_a_character_is_told_in_the_log_and_breaks_nothing(written):
    async def main():
        network = ScriptedNetwork()
        async with rk.KrakenClient(outside=outside(network)) as client:
            client.ticker("BTC/USD").subscribe(lambda _: None)
            await asyncio.sleep(0.1)
            network.link.say('{"channel":"\\ud800\\nERROR forged"}')

    run(main)
    assert r"\ud800" in written()
    assert "\nERROR" not in written()
