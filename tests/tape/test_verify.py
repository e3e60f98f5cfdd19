"""Proof of recordings: real feeds hold in full, and whatever is done to them is reported, not hidden."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxkraken.protocol.json import exact
from rxkraken.tape.precisions import precisions_of, read_precisions
from rxkraken.tape.recording import Line, parse_line, read_recording
from rxkraken.tape.verify import Verifier, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rxkraken.tape.report import Report

LEVELS = 10


def frames(*parts: Any) -> list[Line]:
    """Write parts, texts or values, as the lines of a recording."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in parts]
    return [Line(number, raw=text) for number, text in enumerate(texts, start=1)]


def ack(depth: int, method: str = "subscribe", symbol: str = "ETH/USD") -> dict[str, Any]:
    """What Kraken answers to a (un)subscribe of a book."""
    return {"method": method, "result": {"channel": "book", "depth": depth, "symbol": symbol}, "success": True}


def counts(report: Report, symbol: str) -> tuple[int, ...]:
    """The counts of one book, in the order in which they are reported."""
    return tuple(report.to_dict()["books"][symbol].values())


@pytest.mark.parametrize(
    ("name", "books"),
    [
        ("book-official-example.ndjson", {"BTC/USD": (1, 0)}),
        ("btcusd-book10-resubscribed.ndjson", {"BTC/USD": (5, 296)}),
        ("btcusd-book10-float-text.ndjson", {"BTC/USD": (1, 509)}),
        ("ethusd-book25.ndjson", {"ETH/USD": (1, 1128)}),
        (
            "book-vectors.ndjson",
            {"GST/USD": (1, 0), "ETH/BTC": (1, 1), "METAx/USD": (1, 0), "BTC/USD": (1, 0), "USDC/USD": (1, 1)},
        ),
    ],
)
def test_every_complete_feed_is_proven_to_the_last_message(
    recording: Callable[[str], Path], captures: Path, name: str, books: dict[str, tuple[int, int]]
) -> None:
    """Every snapshot and update of the real feeds verifies by the digits of its text.

    Where the recorder lost these, the exchange's own `instrument` channel tells them.
    """
    told = precisions_of(exact((captures / "reference" / "instrument-snapshot-v2.json").read_text()))
    known = told if "float-text" in name else {}
    report = verify(read_recording(recording(f"spot-v2/{name}")), lambda symbol: known.get(symbol, (None, None)))
    assert report.proven
    assert (report.unknown, report.errors, report.problems) == (0, 0, [])
    assert {symbol: counts(report, symbol) for symbol in books} == {
        symbol: (snapshots, updates, snapshots + updates, 0, 0) for symbol, (snapshots, updates) in books.items()
    }
    assert list(report.books) == list(books)


@pytest.mark.parametrize("start", [10, 100, 500])
def test_a_feed_whose_middle_is_cut_out_reports_the_mismatch(captures: Path, start: int) -> None:
    """One mismatch, one resync needed; what follows waits for a snapshot and is neither verified nor mismatched."""
    lines = list(read_recording(captures / "spot-v2" / "ethusd-book25.ndjson"))
    whole = verify(lines[:start])
    cut = verify(lines[:start] + lines[start + 40 :])
    snapshots, updates, verified, mismatched, resyncs = counts(cut, "ETH/USD")
    assert (snapshots, mismatched, resyncs) == (1, 1, 1)
    assert counts(whole, "ETH/USD")[2] <= verified < updates
    assert not cut.proven
    [problem] = cut.problems
    assert "checksum of ETH/USD" in problem.text
    assert lines[start + 40].number <= problem.line


def test_the_next_snapshot_ends_the_wait_after_a_mismatch(captures: Path) -> None:
    """Where the recording itself subscribed again, everything from there on is verified as before."""
    lines = list(read_recording(captures / "spot-v2" / "btcusd-book10-resubscribed.ndjson"))
    snapshots_at = [number for number, line in enumerate(lines) if '"snapshot","data"' in line.raw]
    first = snapshots_at[0]
    cut = verify(lines[: first + 3] + lines[first + 9 :])
    rest = verify(lines[snapshots_at[1] :])
    assert counts(cut, "BTC/USD")[3:] == (1, 1)
    assert counts(cut, "BTC/USD")[2] > counts(rest, "BTC/USD")[2] > 100


def test_one_wrong_digit_is_a_mismatch_at_its_line(captures: Path) -> None:
    """A quantity changed in its last digit, in the best ten levels: found where it is."""
    lines = list(read_recording(captures / "spot-v2" / "ethusd-book25.ndjson"))
    at, line = next((n, line) for n, line in enumerate(lines) if '"snapshot","data"' in line.raw)
    lines[at] = Line(line.number, raw=line.raw.replace('"qty":2.41130000', '"qty":2.41130001', 1))
    report = verify(lines)
    assert counts(report, "ETH/USD")[2:] == (0, 1, 1)
    assert [problem.line for problem in report.problems] == [line.number]


def test_lost_zeros_need_the_pairs_digits(captures: Path) -> None:
    """A pair quoted to fewer digits than its precision verifies with it only: 4700 and 47 are other texts."""
    bids = [{"price": 99.5 - n, "qty": 1.5} for n in range(LEVELS)]
    asks = [{"price": 100.5 + n, "qty": 2.5} for n in range(LEVELS)]
    text = "".join(f"{int(level['price'] * 100)}{int(level['qty'] * 10**8)}" for level in (*asks, *bids))
    book = {"symbol": "ETH/USD", "bids": bids, "asks": asks, "checksum": zlib.crc32(text.encode())}
    lines = frames({"channel": "book", "type": "snapshot", "data": [book]})
    assert counts(verify(lines), "ETH/USD") == (1, 0, 0, 1, 1)
    assert counts(verify(lines, lambda _: (2, 8)), "ETH/USD") == (1, 0, 1, 0, 0)

    told = json.loads((captures / "reference" / "instrument-snapshot-v2.json").read_text())
    assert next(pair for pair in told["data"]["pairs"] if pair["symbol"] == "ETH/USD")["price_precision"] == 2
    assert counts(verify(frames(told, lines[0].raw)), "ETH/USD") == (1, 0, 1, 0, 0)


def test_digits_that_are_told_late_serve_the_open_book_from_there_on(captures: Path) -> None:
    """The same digits as on the wire change nothing; fewer of them cannot be right, and the book needs a snapshot."""
    lines = list(read_recording(captures / "spot-v2" / "ethusd-book25.ndjson"))
    told = json.loads((captures / "reference" / "instrument-snapshot-v2.json").read_text())
    assert counts(verify([*lines[:100], *frames(told), *lines[100:]]), "ETH/USD") == (1, 1128, 1129, 0, 0)
    pair = next(pair for pair in told["data"]["pairs"] if pair["symbol"] == "ETH/USD")
    stale = {**told, "data": {"assets": [], "pairs": [pair | {"price_precision": 1}]}}
    report = verify([*lines[:100], *frames(stale), *lines[100:]])
    assert counts(report, "ETH/USD")[2:] == (counts(verify(lines[:100]), "ETH/USD")[2], 0, 1)
    assert not report.proven


def test_depth_comes_from_the_ack_and_otherwise_from_the_snapshot(captures: Path) -> None:
    """Without its ack the depth-25 feed is still proven; with a wrong ack it is not, so the ack is believed."""
    lines = list(read_recording(captures / "spot-v2" / "ethusd-book25.ndjson"))
    data = [line for line in lines if '"method"' not in line.raw]
    assert verify(data).proven
    assert verify([*frames(ack(25)), *data]).proven
    assert not verify([*frames(ack(10)), *data]).proven
    request = {"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD", "ETH/USD"], "depth": 10}}
    assert not verify([*frames(request), *data]).proven
    assert verify([*frames(request, ack(25)), *data]).proven


def test_a_symbol_may_be_subscribed_again_at_another_depth(captures: Path) -> None:
    """Both books are counted under the symbol; what still arrives after the unsubscribe is not applied."""
    lines = list(read_recording(captures / "spot-v2" / "ethusd-book25.ndjson"))
    data = [line for line in lines if line.raw.startswith('{"channel":"book"')]
    snapshot = exact(data[0].raw)
    for side in ("bids", "asks"):
        snapshot["data"][0][side] = [
            {name: float(number) for name, number in level.items()} for level in snapshot["data"][0][side][:LEVELS]
        ]
    shallow = json.dumps(snapshot)
    late = data[20]
    report = verify(
        [*frames(ack(25)), *data[:20], *frames(ack(25, "unsubscribe")), late, *frames(ack(10), shallow)],
        lambda _: (2, 8),
    )
    assert counts(report, "ETH/USD") == (2, 20, 21, 0, 0)
    assert report.proven


def test_another_connection_starts_from_nothing(captures: Path) -> None:
    """Two recordings in one file: the second connection's updates are not applied to the first one's book."""
    lines = list(read_recording(captures / "spot-v2" / "ethusd-book25.ndjson"))
    other = [Line(line.number, raw=line.raw.replace("15413894943188002760", "99")) for line in lines]
    report = verify(lines[:100] + other)
    assert report.proven
    once = counts(verify(lines[:100]), "ETH/USD")
    assert counts(report, "ETH/USD")[2] == once[2] + counts(verify(lines), "ETH/USD")[2]


def test_unknown_frames_and_errors_are_told_apart_and_stop_nothing(captures: Path) -> None:
    """What nobody knows is unknown; what breaks a promise, or is no frame at all, is an error; the book goes on."""
    lines = list(read_recording(captures / "spot-v2" / "ethusd-book25.ndjson"))
    odd = [
        *frames(
            {"channel": "telepathy", "type": "update", "data": []},
            "plain text",
            [1, 2],
            {"nothing": "known"},
            {"channel": "heartbeat", "mood": "good"},
        ),
        *frames(
            {"channel": "ticker", "type": "update", "data": [{"symbol": "BTC/USD", "bid": "much"}]},
            {"channel": "book", "type": "update", "data": [{"no": "symbol"}]},
            {"channel": "status", "type": "update", "data": []},
            {"error": "something broke"},
        ),
        parse_line(7, b"garbage"),
    ]
    report = verify(lines[:50] + odd + lines[50:])
    assert (report.frames, report.unknown, report.errors) == (len(lines) + 9, 5, 5)
    assert counts(report, "ETH/USD") == counts(verify(lines), "ETH/USD")
    assert report.proven
    assert len(report.problems) == 10


def test_a_malformed_book_message_is_one_error_and_one_resync(captures: Path) -> None:
    """The updates that then wait for a snapshot are not counted as errors once more."""
    lines = list(read_recording(captures / "spot-v2" / "ethusd-book25.ndjson"))
    broken = {"symbol": "ETH/USD", "bids": [{"price": "high", "qty": 1}], "asks": [], "checksum": 1}
    report = verify(
        lines[:50] + frames({"channel": "book", "type": "update", "data": [broken]}) + lines[50:],
    )
    snapshots, updates, verified, mismatched, resyncs = counts(report, "ETH/USD")
    assert (snapshots, mismatched, resyncs) == (1, 0, 1)
    assert verified < 50 < updates
    assert (report.errors, report.unknown) == (1, 0)
    assert not report.proven


def test_refusals_and_answers_are_neither_unknown_nor_errors(captures: Path) -> None:
    """Kraken saying no to a request is a well-formed answer."""
    report = verify(read_recording(captures / "spot-v2" / "messages-errors.ndjson"))
    assert report.to_dict() == {"frames": 6, "unknown": 0, "errors": 0, "books": {}}


def test_digits_are_read_from_a_response_or_from_a_recording(captures: Path) -> None:
    """The captured instrument snapshot tells all 683 pairs, as one document or as a line among others."""
    snapshot = json.loads((captures / "reference" / "instrument-snapshot-v2.json").read_text())
    whole = precisions_of(exact(json.dumps(snapshot)))
    assert len(whole) == 683
    assert whole["BTC/USD"] == (1, 8)
    assert read_precisions(frames({"channel": "heartbeat"}, "no json", snapshot)) == whole
    assert precisions_of([]) == precisions_of({"channel": "ticker"}) == {}


def test_the_list_of_problems_stays_short() -> None:
    """A thousand broken lines are a thousand errors and a hundred explanations."""
    report = verify(parse_line(number, b"garbage") for number in range(1, 1001))
    assert (report.errors, report.frames, len(report.problems)) == (1000, 0, 100)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
ODD_FRAMES = st.fixed_dictionaries(
    {"channel": st.sampled_from(["book", "ticker", "trade", "ohlc", "instrument", "status", "heartbeat"]) | JSON},
    optional={
        "type": st.sampled_from(["snapshot", "update"]) | JSON,
        "data": st.lists(
            st.fixed_dictionaries(
                {}, optional={"symbol": st.just("ETH/USD") | JSON, "bids": JSON, "asks": JSON, "checksum": JSON}
            )
            | JSON,
            max_size=2,
        )
        | JSON,
        "method": st.just("subscribe") | JSON,
        "result": st.fixed_dictionaries({"channel": st.just("book"), "symbol": JSON, "depth": JSON}) | JSON,
    },
)


@settings(max_examples=300)
@given(st.lists(ODD_FRAMES.map(json.dumps) | JSON.map(json.dumps) | st.text(max_size=20), max_size=12))
def test_nothing_in_a_recording_can_raise_or_pass_as_a_defect(texts: list[str]) -> None:
    """Whatever frames say, the report adds up: never more verdicts than messages, and no failure of our own."""
    verifier = Verifier()
    for line in frames(*texts):
        verifier.take(line)
    report = verifier.report()
    assert report.frames == len(texts)
    assert report.unknown + report.errors <= report.frames
    assert not [problem for problem in report.problems if "defect" in problem.text]
    for tally in report.books.values():
        assert tally.verified + tally.mismatched <= tally.snapshots + tally.updates
