"""Recordings: written by many tools, cut off by many crashes, and read to the last good line all the same."""

from __future__ import annotations

import gzip
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.tape.recording import Line, parse_line, read_lines, read_recording

if TYPE_CHECKING:
    from pathlib import Path

FRAME = '{"channel":"heartbeat"}'


def recorded(at: float | None, frame: str) -> bytes:
    """Write one line as a recorder does."""
    return json.dumps([at, frame]).encode() + b"\n"


def read(content: bytes) -> list[Line]:
    """Read a recording from memory."""
    return list(read_lines(io.BufferedReader(io.BytesIO(content))))


def test_every_form_of_a_line_gives_the_frame_in_order() -> None:
    """Recorded frames with and without time, raw frames of v2 and v1, and blank lines that are skipped but counted."""
    v1 = '[336,{"b":[]},"book-10","XBT/USD"]'
    content = recorded(12.5, FRAME) + recorded(None, FRAME) + b"\n  \n" + FRAME.encode() + b"\r\n" + v1.encode()
    assert read(content) == [
        Line(1, at=12.5, raw=FRAME),
        Line(2, raw=FRAME),
        Line(5, raw=FRAME),
        Line(6, raw=v1),
    ]


def test_a_recorded_frame_may_hold_any_text() -> None:
    """An exchange may send plain text; what was recorded as a frame is one."""
    assert parse_line(1, recorded(1, "Server is busy")) == Line(1, at=1.0, raw="Server is busy")


@pytest.mark.parametrize(
    "text",
    [
        b"garbage",
        b'"a string"',
        b"17",
        b'[12.3, "{\\"chan',
        b'{"channel":"bo',
        b"\xff\xfe\x00",
        b'[true, "x"]',
        b'[1e999, "x"]',
        b"[" + b"9" * 400 + b', "x"]',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_neither_is_handed_on_with_its_problem(text: bytes) -> None:
    """Nothing raises; the problem says what was expected."""
    line = parse_line(7, text)
    assert (line.number, line.raw, line.at) == (7, "", None)
    assert line.problem is not None
    assert line.problem.startswith("neither a recorded frame nor a raw one")


def test_gzip_is_recognised_by_its_content(tmp_path: Path) -> None:
    """A packed recording under any name reads as the plain one does."""
    content = recorded(1, FRAME) + recorded(2, FRAME)
    plain, packed = tmp_path / "plain.gz", tmp_path / "packed.ndjson"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    assert list(read_recording(plain)) == list(read_recording(str(packed))) == read(content)


def test_a_recorder_that_died_leaves_a_readable_beginning() -> None:
    """The lines before the damage are there, and the damage is the last one's problem."""
    content = b"".join(recorded(second, FRAME + " " * (second % 7)) for second in range(2000))
    packed = gzip.compress(content)
    lines = read(packed[: len(packed) * 3 // 4])
    assert len(lines) > 100
    assert all(line.problem is None for line in lines[:-1])
    assert lines[-1].problem is not None
    assert "the gzip file is damaged from here on" in lines[-1].problem


def test_a_file_that_is_only_damage_cannot_be_read(tmp_path: Path) -> None:
    """A gzip header with nothing behind it, a folder, a missing file: `OSError`, whose text says which."""
    broken = tmp_path / "broken.gz"
    broken.write_bytes(b"\x1f\x8b\x08garbage")
    with pytest.raises(OSError, match="damaged gzip file"):
        list(read_recording(broken))
    with pytest.raises(IsADirectoryError):
        list(read_recording(tmp_path))
    with pytest.raises(FileNotFoundError):
        list(read_recording(tmp_path / "missing"))


def test_an_empty_file_has_no_lines() -> None:
    """Nothing in, nothing out."""
    assert read(b"") == []
    assert read(gzip.compress(b"")) == []


@given(st.lists(st.tuples(st.none() | st.floats(0, 2e9), st.text(max_size=40)), max_size=20))
def test_what_a_recorder_writes_is_what_is_read(frames: list[tuple[float | None, str]]) -> None:
    """Any text with any time survives, packed or not."""
    content = b"".join(recorded(at, frame) for at, frame in frames)
    expected = [Line(number, at=at, raw=frame) for number, (at, frame) in enumerate(frames, start=1)]
    assert read(content) == read(gzip.compress(content)) == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_lines_or_an_unreadable_file(content: bytes) -> None:
    """Whatever a file holds, reading ends with lines or with `OSError`."""
    try:
        lines = read(content)
    except OSError:
        assert content[:2] == b"\x1f\x8b"
    else:
        assert all(line.problem is None or (line.raw, line.at) == ("", None) for line in lines)
        assert [line.number for line in lines] == sorted({line.number for line in lines})
