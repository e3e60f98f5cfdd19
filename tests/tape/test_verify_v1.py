"""Proof of WebSocket v1 recordings: real books hold to the last update, and whatever is done to them is reported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from rxkraken.tape.recording import Line, parse_line, read_recording
from rxkraken.tape.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rxkraken.tape.report import Report

NAME = "BTC/USD book-10"
# The snapshot is the fourth line.
SNAPSHOT_AT = 3


@pytest.fixture(scope="module")
def lines(captures: Path) -> list[Line]:
    """The recorded book of one market."""
    return list(read_recording(captures / "spot-v1" / "xbtusd-book10.ndjson"))


def frames(*parts: Any) -> list[Line]:
    """Write parts, texts or values, as the lines of a recording."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in parts]
    return [Line(number, raw=text) for number, text in enumerate(texts, start=1)]


def counts(report: Report, name: str = NAME) -> tuple[int, ...]:
    """The counts of one book: snapshots, updates, verified, mismatched, resyncs."""
    return tuple(report.to_dict()["books"][name].values())


def changed(line: Line, change: Callable[[list[Any]], None]) -> Line:
    """The same line with its decoded frame changed."""
    frame = json.loads(line.raw)
    change(frame)
    return Line(line.number, raw=json.dumps(frame))


def updates_where(lines: list[Line], fits: Callable[[list[Any]], bool]) -> list[int]:
    """Places of the book's updates whose frame is like that."""
    places = range(SNAPSHOT_AT + 1, len(lines))
    return [at for at in places if lines[at].raw[0] == "[" and fits(json.loads(lines[at].raw))]


# --- real recordings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "read", "books"),
    [
        ("xbtusd-book10.ndjson", 1150, {NAME: 979}),
        ("gsteur-thin.ndjson", 2, {"GST/EUR book-10": 1}),
        ("lunaeur-big-quantities.ndjson", 2, {"LUNA/EUR book-10": 1}),
        ("xdgusd-seven-decimals.ndjson", 15, {"DOGE/USD book-10": 14}),
        ("ten-pairs-ticker.ndjson", 60, {}),
        ("ten-pairs-trade.ndjson", 49, {}),
        (
            "ten-pairs-book1000.ndjson",
            4321,
            {
                "ADA/BTC book-1000": 347,
                "BTC/CHF book-1000": 289,
                "OMG/USD book-1000": 573,
                "OCEAN/BTC book-1000": 148,
                "ETH/CHF book-1000": 317,
                "SC/EUR book-1000": 818,
                "GRT/ETH book-1000": 20,
                "KSM/BTC book-1000": 335,
                "XMR/USD book-1000": 846,
                "WAVES/EUR book-1000": 576,
            },
        ),
    ],
)
def test_every_update_of_every_recorded_book_is_verified(
    recording: Callable[[str], Path], name: str, read: int, books: dict[str, int]
) -> None:
    """Nothing is unknown or wrong, and each update matches; a snapshot has no checksum to match."""
    report = verify(read_recording(recording(f"spot-v1/{name}")))
    assert (report.frames, report.unknown, report.errors, report.problems) == (read, 0, 0, [])
    assert {book: counts(report, book) for book in report.books} == {
        book: (1, updates, updates, 0, 0) for book, updates in books.items()
    }
    assert list(report.books) == list(books)
    assert (report.proven, report.unjudged) == (True, 0)


def test_digits_that_are_told_do_not_touch_books_of_v1(lines: list[Line]) -> None:
    """V1 pads its prices to five digits where the instruments say one, and its checksum is over what it sent."""
    pair = {"symbol": "BTC/USD", "price_precision": 1, "qty_precision": 8}
    told = frames({"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": [pair]}})
    assert counts(verify([*told, *lines], lambda _: (1, 8))) == (1, 979, 979, 0, 0)


# --- damaged ones -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("skip", [0, 100, 900])
def test_one_changed_digit_is_a_mismatch_at_its_line(lines: list[Line], skip: int) -> None:
    """The message names the line, the market and both checksums; the rest waits for a snapshot."""
    at = SNAPSHOT_AT + 1 + skip
    while lines[at].raw[0] != "[":
        at += 1

    def change(frame: list[Any]) -> None:
        frame[-3]["c"] = str(int(frame[-3]["c"]) ^ 1)

    before = counts(verify(lines[:at]))
    expected = int(json.loads(lines[at].raw)[-3]["c"])
    report = verify([*lines[:at], changed(lines[at], change), *lines[at + 1 :]])
    assert counts(report) == (1, 979, before[2], 1, 1)
    assert before[2] == before[1]
    [problem] = report.problems
    assert problem.line == lines[at].number
    for part in ("checksum of BTC/USD", str(expected), str(expected ^ 1)):
        assert part in problem.text
    assert (report.proven, report.unjudged, report.errors) == (False, 979 - before[2] - 1, 0)


def test_a_changed_digit_of_a_quantity_in_the_snapshot_fails_the_first_update(lines: list[Line]) -> None:
    """The snapshot has no checksum of its own: the update after it proves both, or neither."""

    def change(frame: list[Any]) -> None:
        frame[1]["as"][3][1] = frame[1]["as"][3][1][:-1] + "9"

    report = verify([*lines[:SNAPSHOT_AT], changed(lines[SNAPSHOT_AT], change), *lines[SNAPSHOT_AT + 1 :]])
    assert counts(report) == (1, 979, 0, 1, 1)
    first = updates_where(lines, lambda _: True)[0]
    assert [problem.line for problem in report.problems] == [lines[first].number]


@pytest.mark.parametrize("kind", ["any row", "a republished row", "the bids of a frame with both sides"])
def test_what_is_dropped_from_an_update_is_missed(lines: list[Line], kind: str) -> None:
    """One level, one that was republished into the depth, or the second object of a frame: the checksum tells."""

    def of_that_kind(frame: list[Any]) -> bool:
        rows = [row for part in frame[1:-2] for name in part if name != "c" for row in part[name]]
        match kind:
            case "any row":
                return True
            case "a republished row":
                return any(row[-1] == "r" for row in rows)
            case _:
                return len(frame) == 5

    def drop(frame: list[Any]) -> None:
        for part in frame[-3:-2] if len(frame) == 5 else frame[1:-2]:
            for name in part.keys() - {"c"}:
                if kind == "a republished row":
                    part[name] = [row for row in part[name] if row[-1] != "r"]
                else:
                    part[name].pop()

    at = updates_where(lines, of_that_kind)[0]
    report = verify([*lines[:at], changed(lines[at], drop), *lines[at + 1 :]])
    assert counts(report)[3:] == (1, 1)
    assert [problem.line for problem in report.problems] == [lines[at].number]


def test_the_next_snapshot_ends_the_wait_after_a_mismatch(lines: list[Line]) -> None:
    """A recording in which the client subscribed again is verified from there on."""
    broken = [*lines[:200], *lines[210:400]]
    report = verify([*broken, *lines[SNAPSHOT_AT:]])
    snapshots, updates, verified, mismatched, resyncs = counts(report)
    assert (snapshots, mismatched, resyncs) == (2, 1, 1)
    assert 979 < verified < updates
    assert verified == 979 + counts(verify(lines[:200]))[2]


def test_without_the_snapshot_nothing_is_judged_and_nothing_fails(lines: list[Line]) -> None:
    """A recording that was cut off from its start; the same as in v2."""
    report = verify(lines[SNAPSHOT_AT + 1 :])
    assert counts(report) == (0, 979, 0, 0, 0)
    assert (report.proven, report.unjudged, report.errors, report.problems) == (True, 979, 0, [])
    assert counts(verify([*lines[500:], *lines]))[2:] == (979, 0, 0)


def test_a_file_that_ends_within_a_line_is_proven_up_to_there(lines: list[Line], captures: Path) -> None:
    """The broken line is told with its number."""
    content = (captures / "spot-v1" / "xbtusd-book10.ndjson").read_bytes().splitlines()
    cut = [parse_line(number, text) for number, text in enumerate([*content[:300], content[300][:40]], start=1)]
    report = verify(cut)
    whole = verify(lines[:300])
    assert (report.frames, report.errors, [problem.line for problem in report.problems]) == (300, 1, [301])
    assert counts(report) == counts(whole)
    assert report.proven


def test_an_empty_recording_is_an_empty_report() -> None:
    """Nothing in, nothing out."""
    assert verify([]).to_dict() == {"frames": 0, "unknown": 0, "errors": 0, "books": {}}


# --- several books ----------------------------------------------------------------------------------------------------


def test_one_market_at_two_depths_is_two_books(lines: list[Line]) -> None:
    """The frames of each are told by the depth in their channel's name, and one's damage is not the other's."""
    deeper = [Line(line.number, raw=line.raw.replace('"book-10"', '"book-25"')) for line in lines]
    both = [line for pair in zip(lines, deeper, strict=True) for line in pair]
    # Ten levels of a depth of 25 would grow by what is never deleted, so only the first updates are its own.
    report = verify(both[:60])
    one, other = counts(report), counts(report, "BTC/USD book-25")
    assert one[0] == other[0] == 1
    assert one == counts(verify(lines[:30]))
    alone = verify(deeper[:30])
    assert other == counts(alone, "BTC/USD book-25")
    assert list(report.books) == [NAME, "BTC/USD book-25"]


def test_a_recording_of_both_apis_proves_the_books_of_each(lines: list[Line], captures: Path) -> None:
    """Two connections written to one file, frame by frame: neither disturbs the other."""
    other = list(read_recording(captures / "spot-v2" / "ethusd-book25.ndjson"))
    third = list(read_recording(captures / "spot-v2" / "btcusd-book10-resubscribed.ndjson"))
    mixed: list[Line] = []
    for at in range(max(len(lines), len(other))):
        mixed += [*lines[at : at + 1], *other[at : at + 1]]
    report = verify([*mixed, *third])
    assert (report.unknown, report.errors, report.problems) == (0, 0, [])
    assert {name: counts(report, name) for name in report.books} == {
        NAME: (1, 979, 979, 0, 0),
        "ETH/USD": (1, 1128, 1129, 0, 0),
        "BTC/USD": (5, 296, 301, 0, 0),
    }
    assert (report.proven, report.unjudged) == (True, 0)


def test_another_connection_starts_from_nothing(lines: list[Line]) -> None:
    """Updates of the second connection are not applied to the first one's book; a later systemStatus changes none."""
    again = frames({"event": "systemStatus", "status": "online", "version": "1.9.1"})
    status = json.loads(lines[0].raw) | {"connectionID": 99}
    assert status["event"] == "systemStatus"
    assert counts(verify([*lines[:50], *again, *lines[50:]])) == (1, 979, 979, 0, 0)
    report = verify([*lines[:50], *frames(status), *lines[60:100], *lines[1:]])
    first = counts(verify(lines[:50]))[2]
    assert counts(report)[2:] == (first + 979, 0, 0)


def test_what_still_arrives_after_an_unsubscribe_is_not_applied(lines: list[Line]) -> None:
    """Of the market and depth that was left, and of no other."""
    left = {"channelName": "book-10", "event": "subscriptionStatus", "pair": "XBT/USD", "status": "unsubscribed"}
    report = verify([*lines[:100], *frames(left), *lines[100:]])
    before = counts(verify(lines[:100]))[2]
    assert counts(report) == (1, 979, before, 0, 0)
    for other in ({"channelName": "book-25"}, {"pair": "ETH/USD"}, {"pair": "?"}, {"status": "subscribed"}):
        report = verify([*lines[:100], *frames(left | other), *lines[100:]])
        assert counts(report) == (1, 979, 979, 0, 0), other
