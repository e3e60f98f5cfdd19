"""Whatever arrives over v1, the reader goes on, and nothing is skipped without a word."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from reactivex import Observer

from rxkraken.account.sequence import SequenceCheck
from rxkraken.session.router_v1 import RouterV1
from rxkraken.streams import channels, channels_v1
from rxkraken.streams.hub import Hub, Outlet

WORDS = ["ticker", "book-10", "ohlc-1", "trade", "spread", "openOrders", "ownTrades", "XBT/USD", "heartbeat", "pong"]
WORDS += ["systemStatus", "subscriptionStatus", "addOrderStatus", "error", "1.5", "-1", "1e9", "b", "m", "", "x" * 99]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(WORDS)
KEYS = ["a", "b", "c", "as", "bs", "v", "p", "t", "l", "h", "o", "event", "reqid", "status", "pair", "sequence"]
KEYS += ["descr", "vol", "price", "time", "type", "ordertxid", "errorMessage", "subscription", "OAAAAA-BBBBB-CCCCCC"]
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)
CHANNELS = st.sampled_from(["ticker", "book-10", "ohlc-1", "trade", "spread"])
DATA = st.tuples(st.integers(), VALUES, CHANNELS, st.sampled_from(["XBT/USD", "nonsense", ""]))
PRIVATE = st.tuples(VALUES, st.sampled_from(["openOrders", "ownTrades"]), st.fixed_dictionaries({"sequence": LEAVES}))


class Listener:
    """Writes down what it is told, and asks for nothing."""

    def __init__(self):
        self.unknown, self.defects, self.replies, self.systems, self.errors = [], [], [], [], []
        self.on_unknown, self.on_defect = self.unknown.append, self.defects.append
        self.on_reply, self.on_system = self.replies.append, self.systems.append
        self.on_connection_error = self.errors.append
        self.wanted = self.unwanted = self.trusted = lambda feed: None
        self.distrusted = lambda feed, reason: None

    def on_event(self, event):
        raise AssertionError(event)


def router():
    """A router with a feed for every channel but the merged executions."""
    listener = Listener()
    made = RouterV1("v1", lambda: 1.0, listener, Hub("tap", listener.on_defect))
    topics = [
        channels.ticker_topic("BTC/USD", "trades"),
        channels.book_topic("BTC/USD", 10, "verify"),
        channels.ohlc_topic("BTC/USD", 1),
        channels.trade_topic("BTC/USD", snapshot=False),
        channels_v1.spread_topic("BTC/USD"),
        channels_v1.own_trades_topic(),
    ]
    for topic in topics:
        made.add(topic, channels_v1.make_feed(topic, listener, listener.on_defect))
    return made, listener


@given(st.lists(VALUES | DATA | PRIVATE, max_size=5))
def test_no_frame_makes_it_fail(frames):
    made, listener = router()
    for frame in frames:
        made.receive(json.dumps(frame))
    assert listener.defects == []


@given(st.text() | st.binary())
def test_what_is_no_json_is_reported(raw):
    made, listener = router()
    made.receive(raw)
    assert listener.defects == []


def test_what_nobody_understands_is_told_with_its_text():
    made, listener = router()
    strange = ['{"event":"new"}', "[1,2]", '[1,[],"news","XBT/USD"]', '[[],"balances",{"sequence":1}]', "3", "{"]
    for text in strange:
        made.receive(text)
    assert [unknown.raw for unknown in listener.unknown] == strange


def test_an_error_without_a_request_reaches_the_log_and_unknown():
    made, listener = router()
    made.receive('{"Error":"Exceeded msg rate"}')
    assert listener.errors == ["Exceeded msg rate"]
    assert len(listener.unknown) == 1


def test_frames_of_another_depth_or_interval_are_not_ours():
    made, listener = router()
    made.receive('[1,{"as":[["2.0","1.0","1.0"]],"bs":[]},"book-100","XBT/USD"]')
    made.receive('[1,["1","2","1","1","1","1","1","1",1],"ohlc-5","XBT/USD"]')
    feeds = [*made._books.values(), *made._records.values()]
    assert [feed.frames for feed in feeds] == [0] * 6
    assert listener.unknown == []


def test_a_fill_of_a_renewed_snapshot_is_told_once():
    made, listener = router()
    topic = channels_v1.own_trades_topic()
    feed = channels_v1.make_feed(topic, listener, listener.on_defect)
    made.add(topic, feed)
    told = []
    feed.hub.add(Outlet(Observer(told.append), "test"))
    fill = {"ordertxid": "O1", "pair": "XBT/USD", "type": "buy", "ordertype": "limit", "time": "1.5"}
    fill |= {"price": "2.0", "cost": "2.0", "fee": "0.1", "vol": "1.0", "margin": "0.0", "postxid": "P"}
    made.receive(json.dumps([[{"T1": fill}], "ownTrades", {"sequence": 1}]))
    feed.interrupt(1.0, "cut")
    made.sequence = SequenceCheck()
    made.receive(json.dumps([[{"T1": fill}, {"T2": fill}], "ownTrades", {"sequence": 1}]))
    assert [(each.exec_id, each.snapshot, each.repaired) for each in told] == [("T1", True, False), ("T2", False, True)]


BOOK = [0, {"as": [["5541.3", "2.5", "1.0"]], "bs": [["5541.2", "1.5", "1.0"]]}, "book-10", "XBT/USD"]
BROKEN = [0, {"a": [["5541.4", "high", "2.0"]], "c": "1"}, "book-10", "XBT/USD"]


def test_a_book_whose_news_cannot_be_read_is_asked_anew_once():
    """What it would have changed is lost; until the next snapshot nothing can be said of the book."""
    made, listener = router()
    asked = []
    listener.distrusted = lambda feed, reason: asked.append((str(feed.topic), reason))
    made.receive(json.dumps(BROKEN))
    assert asked == []  # there was no book yet
    for frame in (BOOK, BROKEN, BROKEN):
        made.receive(json.dumps(frame))
    [(topic, reason)] = asked
    assert topic == "book BTC/USD (depth=10)"
    assert "'high' is not a number" in reason
    assert [unknown.shape for unknown in listener.unknown] == ["malformed book"] * 3
    made.receive(json.dumps(BOOK))
    made.receive(json.dumps(BROKEN))
    assert len(asked) == 2
