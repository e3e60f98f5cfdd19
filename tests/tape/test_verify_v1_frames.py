"""What else a WebSocket v1 recording holds: every frame of the protocol is known, and only strange ones are listed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxkraken.tape.recording import Line
from rxkraken.tape.verify import Verifier, verify

PAIR = "XBT/USD"
AT = "1542057314.748456"
ASKS = [[f"{price}.00000", "1.00000000", AT] for price in range(101, 111)]
BIDS = [[f"{price}.00000", "1.00000000", AT] for price in range(100, 90, -1)]
SNAPSHOT = [0, {"as": ASKS, "bs": BIDS}, "book-10", PAIR]
TICKER = {
    "a": ["101.0", 0, "1.0"],
    "b": ["100.0", 0, "1.0"],
    "c": ["101.0", "0.1"],
    "v": ["27.6", "37.4"],
    "p": ["100.5", "100.6"],
    "t": [1300, 1955],
    "l": ["99.0", "98.0"],
    "h": ["103.0", "104.0"],
    "o": ["100.2", "100.3"],
}
CANDLE = [AT, "1542057360.435743", "101.0", "102.0", "100.0", "101.5", "101.1", "0.03373000", 2]
TRADE = ["101.0", "0.1", AT, "s", "l", ""]
SPREAD = ["100.0", "101.0", AT, "1.0", "2.0"]
FILL = {
    "cost": "10.0", "fee": "0.01", "margin": "0.0", "ordertxid": "OQCLML-BW3P3-BUCMWZ", "ordertype": "limit",
    "pair": PAIR, "postxid": "OGTT3Y-C6I3P-XRI6HX", "price": "100.0", "time": AT, "type": "sell", "vol": "0.1",
}  # fmt: skip

KNOWN: list[Any] = [
    {"connectionID": 17843232920108168701, "event": "systemStatus", "status": "online", "version": "1.9.1"},
    {"event": "systemStatus", "status": "post_only", "version": "1.9.1"},
    {"event": "pong"},
    {"event": "pong", "reqid": 42},
    {"event": "heartbeat"},
    {
        "channelID": 336, "channelName": "book-10", "event": "subscriptionStatus", "pair": PAIR, "reqid": 1,
        "status": "subscribed", "subscription": {"depth": 10, "name": "book"},
    },
    {"channelName": "ohlc-5", "event": "subscriptionStatus", "pair": PAIR, "status": "unsubscribed"},
    {"channelName": "ownTrades", "event": "subscriptionStatus", "status": "subscribed"},
    {"channelName": "openOrders", "event": "subscriptionStatus", "status": "subscribed"},
    SNAPSHOT,
    [0, TICKER, "ticker", PAIR],
    [0, [TRADE, TRADE], "trade", PAIR],
    [0, SPREAD, "spread", PAIR],
    [0, CANDLE, "ohlc-5", PAIR],
    [0, CANDLE, "ohlc-1440", PAIR],
    [[{"TDLH43-DVQXD-2KHVYY": FILL}], "ownTrades", {"sequence": 1}],
    [[{"OGTT3Y-C6I3P-XRI6HX": {"status": "closed"}}], "openOrders", {"sequence": 59342}],
    {"descr": "buy 1 XBTUSD @ limit 4", "event": "addOrderStatus", "reqid": 1, "status": "ok", "txid": "O-1"},
    {"errorMessage": "EOrder:Order minimum not met", "event": "addOrderStatus", "reqid": 1, "status": "error"},
    {"event": "amendOrderStatus", "amend_id": "T-1", "status": "ok"},
    {"descr": "order edited", "event": "editOrderStatus", "originaltxid": "O-1", "status": "ok", "txid": "O-2"},
    {"event": "cancelOrderStatus", "status": "ok"},
    {"count": 2, "event": "cancelAllStatus", "status": "ok"},
    {"currentTime": "2020-12-21T09:37:09Z", "event": "cancelAllOrdersAfterStatus", "status": "ok", "triggerTime": "0"},
]  # fmt: skip
REQUESTS: list[Any] = [
    {"event": "ping", "reqid": 42},
    {"event": "subscribe", "pair": [PAIR], "subscription": {"name": "book", "depth": 10}},
    {"event": "unsubscribe", "pair": [PAIR], "subscription": {"name": "book", "depth": 10}},
    {"event": "addOrder", "token": "secret", "pair": PAIR, "type": "buy", "ordertype": "market", "volume": "1"},
]


def frames(*parts: Any) -> list[Line]:
    """Write parts, texts or values, as the lines of a recording."""
    texts = [part if isinstance(part, str) else json.dumps(part) for part in parts]
    return [Line(number, raw=text) for number, text in enumerate(texts, start=1)]


def verdict(*parts: Any) -> tuple[int, int, list[tuple[int, str]]]:
    """How many frames are unknown, how many are errors, and what is said of which line."""
    report = verify(frames(*parts))
    return report.unknown, report.errors, [(problem.line, problem.text) for problem in report.problems]


@pytest.mark.parametrize("frame", [*KNOWN, *REQUESTS], ids=lambda frame: json.dumps(frame)[:60])
def test_every_frame_of_the_protocol_is_known(frame: Any) -> None:
    """One by one, so that a recording may start with any of them; what a client sent is known as well."""
    assert verdict(frame) == (0, 0, [])


def test_a_refused_subscription_is_told_with_its_line_and_is_no_error() -> None:
    """A well-formed answer counts nowhere; a wrong endpoint's echo of the token is not repeated."""
    refused = {"event": "subscriptionStatus", "status": "error"}
    assert verdict(
        {"event": "heartbeat"},
        refused | {"errorMessage": "Subscription depth not supported", "pair": PAIR},
        refused | {"errorMessage": "ESession:Invalid session", "subscription": {"name": "x", "token": "secret"}},
        {"event": "error", "errorMessage": "Malformed request", "reqid": 7},
    ) == (
        0,
        0,
        [
            (2, "the exchange refused a subscribe of BTC/USD: Subscription depth not supported"),
            (3, "the exchange refused a subscribe: ESession:Invalid session"),
            (4, "the exchange refused a request: Malformed request"),
        ],
    )


@pytest.mark.parametrize("frame", [{"event": "error", "errorMessage": "Malformed request"}, {"errorMessage": "no"}])
def test_an_error_that_answers_no_request_is_an_error_of_the_recording(frame: dict[str, Any]) -> None:
    """As in v2."""
    assert verdict({"event": "pong"}, frame) == (0, 1, [(2, f"the exchange said: {frame['errorMessage']}")])


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ({"event": "telepathy"}, "unknown event 'telepathy'"),
        ([0, {}, "level3", PAIR], "unknown channel 'level3'"),
        ([0, {"a": []}, "book-7", PAIR], "unknown channel 'book-7'"),
        ([0, {"a": []}, "book", PAIR], "unknown channel 'book'"),
        ([0, CANDLE, "ohlc-7", PAIR], "unknown channel 'ohlc-7'"),
        ([0, TICKER, "ticker-5", PAIR], "unknown channel 'ticker-5'"),
        ([0, [], "ticker"], "an array that is no frame"),
        ([[], "balances", {"sequence": 1}], "unknown private channel 'balances'"),
        ([0, [[*TRADE, "new"]], "trade", PAIR], "trade has unknown element 6"),
        ([0, [[*TRADE[:3], "x", "l", ""]], "trade", PAIR], "trade has unknown side 'x'"),
        ([0, TICKER | {"z": 1}, "ticker", PAIR], "ticker has unknown field z"),
        ([0, {"as": [[*ASKS[0], "q"]], "bs": []}, "book-10", PAIR], "a level of book has unknown element 'q'"),
        ('[336,{"b":', "not JSON"),
    ],
    ids=str,
)
def test_only_what_is_really_unknown_is_listed(frame: Any, said: str) -> None:
    """Each once, at its line."""
    assert verdict({"event": "heartbeat"}, frame, {"event": "heartbeat"}) == (1, 0, [(2, said)])


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        ([0, TICKER | {"a": []}, "ticker", PAIR], "malformed ticker: Malformed: field a has 0 elements, not 1"),
        ([0, [["much"]], "trade", PAIR], "malformed trade: "),
        ([0, None, "trade", PAIR], "malformed trade: "),
        ([0, CANDLE[:5], "ohlc-5", PAIR], "malformed ohlc: "),
        ([0, {}, "spread", PAIR], "malformed spread: "),
        ([0, {"a": [["1.0", "?", AT]], "c": "1"}, "book-10", PAIR], "malformed book: "),
        ([0, ["a"], "book-10", PAIR], "malformed book: "),
        ([0, {"a": []}, "book-10", "?"], "malformed book: "),
        ([0, {"a": []}, "book-10", ""], "malformed book: "),
        ([["x"], "openOrders", {"sequence": 1}], "malformed openOrders: "),
        ([[{"T-1": FILL | {"price": None}}], "ownTrades", {"sequence": 1}], "malformed ownTrades: "),
        ({"event": "systemStatus"}, "malformed systemStatus: "),
    ],
    ids=str,
)
def test_a_malformed_frame_is_one_error_at_its_line(frame: Any, said: str) -> None:
    """What breaks its channel's promise is told apart from what nobody knows."""
    unknown, errors, [(line, text)] = verdict({"event": "heartbeat"}, frame)
    assert (unknown, errors, line) == (0, 1, 2)
    assert text.startswith(said)


@pytest.mark.parametrize(
    ("part", "is_snapshot"),
    [
        ({"a": [["101.0", "high", AT]], "c": "1"}, False),
        ({"a": [["101.0", "1.0", AT]], "c": 17}, False),
        ({"a": [["0.00000", "1.00000000", AT]], "c": "1"}, False),
        ({"as": [["101.0", "high", AT]], "bs": []}, True),
        ({"as": [["-1.00000", "1.00000000", AT]], "bs": []}, True),
    ],
    ids=str,
)
def test_a_malformed_book_frame_is_one_error_and_one_resync(part: dict[str, Any], is_snapshot: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    """Whoever finds it, the decoder or the reducer: what follows waits for a snapshot, and is no error once more."""
    update = [0, {"a": [ASKS[0]], "c": "1"}, "book-10", PAIR]
    report = verify(frames(SNAPSHOT, [0, part, "book-10", PAIR], update, update, SNAPSHOT))
    assert (report.errors, report.unknown, [problem.line for problem in report.problems]) == (1, 0, [2])
    assert report.to_dict()["books"]["BTC/USD book-10"] == {
        "snapshots": 2 + is_snapshot,
        "updates": 3 - is_snapshot,
        "verified": 0,
        "mismatched": 0,
        "resyncs": 1,
    }
    assert not report.proven


def test_a_malformed_update_that_waits_for_a_snapshot_anyway_costs_no_other_resync() -> None:
    """It is an error at its line; a malformed snapshot is one that a client would have to ask for again."""
    broken = {"a": [["101.0", "high", AT]], "c": "1"}
    wrong = [0, {"a": [ASKS[0]], "c": "1"}, "book-10", PAIR]
    malformed = [0, broken, "book-10", PAIR]
    snapshot = [0, {"as": broken["a"], "bs": []}, "book-10", PAIR]
    assert _resyncs(malformed, malformed) == (2, 0)
    assert _resyncs(SNAPSHOT, wrong, malformed) == (1, 1)
    assert _resyncs(SNAPSHOT, malformed, malformed) == (2, 1)
    assert _resyncs(SNAPSHOT, wrong, snapshot) == (1, 2)
    assert _resyncs(snapshot, snapshot) == (2, 2)


def _resyncs(*parts: Any) -> tuple[int, int]:
    report = verify(frames(*parts))
    return report.errors, report.books["BTC/USD book-10"].resyncs


def test_a_snapshot_alone_proves_nothing_and_fails_nothing() -> None:
    """It has no checksum to be judged by."""
    report = verify(frames(SNAPSHOT))
    [tally] = report.books.values()
    assert (tally.snapshots, tally.checkable, tally.verified) == (1, 0, 0)
    assert (report.proven, report.unjudged) == (True, 0)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NUMBERS = st.sampled_from(["1.0", "2.50000", "0.00000000", AT, "x"]) | JSON
ROWS = st.lists(st.lists(NUMBERS, max_size=4) | st.just(ASKS[0]) | st.just(BIDS[0]), max_size=3) | JSON
PARTS = st.fixed_dictionaries(
    {}, optional={"as": ROWS, "bs": ROWS, "a": ROWS, "b": ROWS, "c": st.just("974947235") | JSON}
)
CHANNELS = ["book-10", "book-25", "book-7", "ohlc-5", "ticker", "trade", "spread", "ownTrades", "openOrders", "-"]
ARRAYS = st.builds(
    lambda parts, channel, tail: [0, *parts, channel, tail],
    st.lists(PARTS | st.just(SNAPSHOT[1]) | ROWS, max_size=2),
    st.sampled_from(CHANNELS) | JSON,
    st.sampled_from([PAIR, "ETH/USD", "?"]) | st.just({"sequence": 1}) | JSON,
)
EVENTS = st.fixed_dictionaries(
    {"event": st.sampled_from(["systemStatus", "subscriptionStatus", "pong", "error", "addOrderStatus"]) | JSON},
    optional={
        "status": st.sampled_from(["subscribed", "unsubscribed", "error"]) | JSON,
        "channelName": st.just("book-10") | JSON,
        "pair": st.just(PAIR) | JSON,
        "connectionID": st.integers(0, 2) | JSON,
        "errorMessage": JSON,
        "reqid": JSON,
    },
)
V2 = st.just({"channel": "book", "type": "update", "data": [{"symbol": "BTC/USD", "bids": [], "asks": []}]})


@settings(max_examples=300)
@given(st.lists((ARRAYS | EVENTS | V2 | JSON).map(json.dumps) | st.text(max_size=20), max_size=12))
def test_nothing_in_a_recording_of_v1_can_raise_or_pass_as_a_defect(texts: list[str]) -> None:
    """Whatever frames say, the report adds up: never more verdicts than messages, and no failure of our own."""
    verifier = Verifier()
    for line in frames(*texts):
        verifier.take(line)
    report = verifier.report()
    assert report.frames == len(texts)
    assert report.unknown + report.errors <= report.frames
    assert not [problem for problem in report.problems if "defect" in problem.text]
    for tally in report.books.values():
        assert 0 <= tally.verified + tally.mismatched <= tally.checkable
        assert tally.resyncs <= tally.snapshots + tally.updates
