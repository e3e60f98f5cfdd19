"""Whether a recorded frame is of WebSocket v1 or v2 is seen from the frame itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.tape.dialect import dialect_of, is_request
from rxkraken.tape.recording import read_recording

if TYPE_CHECKING:
    from pathlib import Path

BOTH: tuple[Literal["v1", "v2"], ...] = ("v1", "v2")


@pytest.mark.parametrize("dialect", BOTH)
def test_every_recorded_frame_tells_its_api_whatever_came_before(captures: Path, dialect: Literal["v1", "v2"]) -> None:
    """All captures of both APIs, each frame by itself; only errors without a name could be of either."""
    seen = 0
    for path in sorted((captures / f"spot-{dialect}").glob("*.ndjson")):
        for line in read_recording(path):
            told = {dialect_of(line.raw, latest) for latest in BOTH}
            if told == set(BOTH):
                assert json.loads(line.raw).keys() <= {"error", "Error"}, line
            else:
                assert told == {dialect}, line
                seen += 1
    assert seen > 1000


@pytest.mark.parametrize(
    ("raw", "dialect"),
    [
        (' \n[336,{"b":[]},"book-10","XBT/USD"]', "v1"),
        ("[1, 2]", "v1"),
        ('{"event":"heartbeat"}', "v1"),
        ('{"errorMessage":"Malformed request","event":"error"}', "v1"),
        ('{"errorMessage":"Malformed request"}', "v1"),
        ('{"channel":"heartbeat"}', "v2"),
        ('{"method":"pong"}', "v2"),
        ('{"channel":"level3","type":"update","data":[{"bids":[{"event":"add"}]}]}', "v2"),
        ('{"method":"subscribe","params":{"event":"heartbeat"}}', "v2"),
    ],
)
def test_arrays_and_events_are_v1_and_channels_and_methods_are_v2(raw: str, dialect: str) -> None:
    """Only the names of the object itself count, not those inside of it."""
    assert [dialect_of(raw, latest) for latest in BOTH] == [dialect, dialect]


@pytest.mark.parametrize("raw", ['{"Error":"Exceeded msg rate"}', "Server is busy", "", '{"event', '"event"', "17"])
def test_what_could_be_of_either_belongs_to_the_frame_before_it(raw: str) -> None:
    """Nothing in such a text says where it came from."""
    assert [dialect_of(raw, latest) for latest in BOTH] == list(BOTH)


@pytest.mark.parametrize("event", ["ping", "subscribe", "unsubscribe", "addOrder", "cancelAll", "cancelAllOrdersAfter"])
def test_requests_of_v1_are_told_from_their_answers(event: str) -> None:
    """A recorder may keep both; the answer has another event."""
    assert is_request(json.dumps({"event": event, "reqid": 1}))
    assert not is_request(json.dumps({"event": f"{event}Status", "reqid": 1}))


@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_no_text_makes_it_raise(raw: str) -> None:
    """Any text has an answer."""
    assert dialect_of(raw, "v2") in BOTH
    assert is_request(raw) is False
