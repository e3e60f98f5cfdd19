"""What one connection says, and when: the sans-I/O conversation, driven with plain numbers for time."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxkraken.protocol import spot_v2
from rxkraken.protocol.topics import Topic
from rxkraken.session import events as said
from rxkraken.session.conversation import Conversation
from rxkraken.settings import Settings

BTC = Topic("book", "BTC/USD", (("depth", 10),))
ETH = Topic("book", "ETH/USD", (("depth", 10),))
TRADES = Topic("trade", "BTC/USD")
INSTRUMENT = Topic("instrument")


class Talk:
    """A conversation with a hand-moved clock, and an exchange that answers when told to."""

    def __init__(self, **changes) -> None:
        self.frames: Counter[Topic] = Counter()
        self.talk = Conversation(Settings(**changes), ids=itertools.count(1), frames=self.frames.__getitem__)
        self.now = 100.0

    def open(self) -> list[dict]:
        self.talk.opened(self.now)
        return self.turn()

    def turn(self, seconds: float = 0.0) -> list[dict]:
        """Let time pass and return what is sent then."""
        self.now += seconds
        self.talk.tick(self.now)
        sent, self.talk.outbox = self.talk.outbox, []
        return [json.loads(text) for text in sent]

    def events(self) -> list[said.Event]:
        events, self.talk.events = self.talk.events, []
        return events

    def reply(self, request: dict, symbol: str | None = None, error: str | None = None, **fields) -> None:
        """Answer a request, for one symbol of it."""
        frame = {"method": request["method"], "req_id": request["req_id"], "success": error is None, **fields}
        if error is not None:
            frame |= {"error": error} | ({"symbol": symbol} if symbol else {})
        elif request["method"] == "ping":
            frame = {"method": "pong", "req_id": request["req_id"]}
        else:
            frame["result"] = {"channel": request["params"]["channel"]} | ({"symbol": symbol} if symbol else {})
        self.talk.heard(self.now)
        self.talk.replied(spot_v2.reply(frame), self.now)

    def live(self, *topics: Topic) -> None:
        """Bring topics to life on an open connection."""
        for topic in topics:
            self.talk.want(topic)
        for request in self.open():
            for symbol in request["params"].get("symbol", [None]):
                self.reply(request, symbol)
        for topic in topics:
            self.frames[topic] += 1
        self.events()

    def keep_alive(self, seconds: int, *moving: Topic) -> list[dict]:
        """Let seconds pass in which heartbeats come, pings are answered, and some topics move."""
        sent: list[dict] = []
        for _ in range(seconds):
            self.talk.heard(self.now)
            for topic in moving:
                self.frames[topic] += 1
            for request in self.turn(1.0):
                if request["method"] == "ping":
                    self.reply(request)
                else:
                    sent.append(request)
        return sent


def methods(sent: list[dict]) -> list[tuple[str, str | None]]:
    return [(frame["method"], frame.get("params", {}).get("channel")) for frame in sent]


def test_topics_that_differ_in_their_symbol_share_one_request():
    """Two books make one request, another channel a second; nothing is said before the connection is open."""
    talk = Talk()
    for topic in (BTC, ETH, TRADES):
        talk.talk.want(topic, snapshot=topic is not TRADES)
    assert talk.turn() == []
    sent = talk.open()
    assert [frame["params"] for frame in sent] == [
        {"channel": "book", "symbol": ["BTC/USD", "ETH/USD"], "depth": 10, "snapshot": True},
        {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": False},
    ]
    assert len({frame["req_id"] for frame in sent}) == 2


def test_each_symbol_has_an_outcome_of_its_own():
    """Promise 18: three symbols, three answers under one req_id; the good ones stay."""
    talk = Talk()
    bad = Topic("book", "NO/PE", (("depth", 10),))
    for topic in (BTC, bad, ETH):
        talk.talk.want(topic)
    (request,) = talk.open()
    talk.reply(request, "BTC/USD")
    talk.reply(request, "NO/PE", "Currency pair not supported NO/PE")
    talk.reply(request, "ETH/USD")
    assert talk.events() == [
        said.Live(BTC),
        said.Refused(bad, "Currency pair not supported NO/PE"),
        said.Live(ETH),
    ]
    assert talk.talk.table() == {BTC: "live", ETH: "live"}


def test_a_refusal_without_a_symbol_concerns_the_whole_request():
    """`Subscription depth not supported` names no symbol (section 2.6)."""
    talk = Talk()
    talk.talk.want(BTC)
    talk.talk.want(ETH)
    (request,) = talk.open()
    talk.reply(request, error="Subscription depth not supported")
    assert {event.topic for event in talk.events()} == {BTC, ETH}
    assert talk.talk.table() == {}


@pytest.mark.parametrize("text", ["Exceeded msg rate", "EService:Busy", "EGeneral:Too many requests"])
def test_a_passing_refusal_is_asked_again_after_a_pause(text):
    """Half a second, then one, and so on; nobody is told that it failed."""
    talk = Talk()
    talk.talk.want(BTC)
    (request,) = talk.open()
    talk.reply(request, "BTC/USD", text)
    assert talk.turn() == []
    (again,) = talk.turn(0.5)
    talk.reply(again, "BTC/USD", text)
    assert talk.turn(0.9) == []
    (third,) = talk.turn(0.1)
    talk.reply(third, "BTC/USD")
    assert talk.events() == [said.Live(BTC)]


def test_already_subscribed_starts_over_because_no_snapshot_will_come():
    """Unsubscribe, await the ack, subscribe (section 7, quirk 10)."""
    talk = Talk()
    talk.talk.want(BTC)
    (request,) = talk.open()
    talk.reply(request, "BTC/USD", "Already subscribed")
    (leave,) = talk.turn()
    assert leave["method"] == "unsubscribe"
    assert talk.turn(0.1) == []
    talk.reply(leave, "BTC/USD", "Subscription Not Found", method="subscribe")
    assert methods(talk.turn()) == [("subscribe", "book")]


def test_a_second_candle_interval_is_a_refusal_not_a_cycle():
    """`Already subscribed to one ohlc interval on this symbol` will not change by asking again."""
    talk = Talk()
    candles = Topic("ohlc", "BTC/USD", (("interval", 5),))
    talk.talk.want(candles)
    (request,) = talk.open()
    talk.reply(request, "BTC/USD", "Already subscribed to one ohlc interval on this symbol")
    assert [type(event) for event in talk.events()] == [said.Refused]


def test_requests_are_paced_in_bursts_of_ten_and_twenty_a_second():
    """A thousand symbols are ten requests of a hundred; forty channels are not forty requests at once."""
    talk = Talk()
    for number in range(1000):
        talk.talk.want(Topic("book", f"S{number}/USD", (("depth", 10),)))
    assert [len(frame["params"]["symbol"]) for frame in talk.open()] == [100] * 10

    talk = Talk()
    for number in range(40):
        talk.talk.want(Topic("ohlc", "BTC/USD", (("interval", number),)))
    assert len(talk.open()) == 10
    counts = []
    while len(counts) < 30:
        deadline = talk.talk.deadline(talk.now)
        counts.append((round(deadline - talk.now, 6), len(talk.turn(deadline - talk.now))))
        if counts[-1] == (0.0, 0):
            counts.pop()  # the clock's rounding: a hair too early
    assert sum(number for _, number in counts) == 30
    assert talk.now - 100 == pytest.approx(1.5, abs=1e-6)


def test_a_swallowed_ack_is_asked_again_by_leaving_first():
    """Without ack and without data nobody knows what Kraken did: leave, then ask again."""
    talk = Talk()
    talk.talk.want(BTC)
    talk.open()
    sent = talk.keep_alive(11)
    assert methods(sent) == [("unsubscribe", "book")]
    assert said.Unanswered(BTC, "no ack") in talk.events()


def test_data_stands_in_for_a_lost_ack():
    """The snapshot came, so the subscription is live whether or not its ack will come."""
    talk = Talk()
    talk.talk.want(BTC)
    talk.open()
    talk.frames[BTC] += 1
    assert talk.keep_alive(11, BTC) == []
    assert said.Live(BTC) in talk.events()


def test_an_ack_without_a_snapshot_is_not_enough():
    """Ten seconds after the ack the snapshot is missed and the book is fetched anew."""
    talk = Talk()
    talk.talk.want(BTC)
    (request,) = talk.open()
    talk.reply(request, "BTC/USD")
    assert methods(talk.keep_alive(12)) == [("unsubscribe", "book")]
    assert said.Unanswered(BTC, "no snapshot") in talk.events()


def test_a_lost_unsubscribe_ack_does_not_strand_a_wanted_topic():
    """The renewal goes on when the time for the ack is over."""
    talk = Talk()
    talk.live(BTC)
    talk.talk.renew(BTC, talk.now)
    assert methods(talk.turn()) == [("unsubscribe", "book")]
    assert methods(talk.keep_alive(11)) == [("subscribe", "book")]


def test_leaving_waits_for_the_linger_and_can_be_taken_back():
    """Promise 1: half a second after the last subscriber; one who comes in between keeps the subscription."""
    talk = Talk()
    talk.live(BTC)
    talk.talk.unwant(BTC, talk.now)
    assert talk.turn(0.4) == []
    talk.talk.want(BTC)
    assert talk.turn(1.0) == []
    talk.talk.unwant(BTC, talk.now)
    (leave,) = talk.turn(0.5)
    assert leave["params"] == {"channel": "book", "symbol": ["BTC/USD"], "depth": 10}
    talk.reply(leave, "BTC/USD")
    assert talk.events() == [said.Leaving(BTC), said.Left(BTC)]
    assert len(talk.talk) == 0


def test_a_topic_wanted_again_while_it_leaves_is_asked_after_the_ack():
    """Kraken would refuse a subscribe that overtakes the unsubscribe's ack."""
    talk = Talk()
    talk.live(BTC)
    talk.talk.unwant(BTC, talk.now)
    (leave,) = talk.turn(0.5)
    talk.talk.want(BTC)
    assert talk.turn(0.1) == []
    talk.reply(leave, "BTC/USD")
    assert methods(talk.turn()) == [("subscribe", "book")]


def test_a_topic_left_before_its_ack_goes_when_the_ack_is_here():
    """The answer on the way decides; then it is unsubscribed at once."""
    talk = Talk()
    talk.talk.want(BTC)
    (request,) = talk.open()
    talk.talk.unwant(BTC, talk.now)
    assert talk.turn(1.0) == []
    talk.reply(request, "BTC/USD")
    assert methods(talk.turn()) == [("unsubscribe", "book")]


def test_an_unwanted_topic_is_forgotten_while_offline():
    """Nothing was said, so nothing needs to be unsaid."""
    talk = Talk()
    talk.talk.want(BTC)
    talk.talk.unwant(BTC, talk.now)
    talk.turn(0.5)
    assert talk.events() == [said.Left(BTC)]
    assert talk.open() == []


def test_everything_wanted_is_asked_again_after_a_loss():
    """Promise 18, from the table: what was live, asked or being renewed; not what was being left."""
    talk = Talk()
    talk.live(BTC, ETH)
    talk.talk.renew(ETH, talk.now)
    talk.talk.unwant(BTC, talk.now)
    talk.turn(0.5)
    talk.talk.want(TRADES, snapshot=True)
    request_id = talk.talk.request({"method": "x"}, talk.now)
    assert talk.talk.lost() == [request_id]
    assert methods(talk.open()) == [("subscribe", "book"), ("subscribe", "trade")]
    assert talk.talk.table() == {ETH: "asked", TRADES: "asked"}


def test_a_bad_book_backs_off_and_degrades_after_five_failures():
    """Promise 7: 0.5, 1, 2, 4, 8 s between leaving and asking again; the sixth failure in a row ends the attempts."""
    talk = Talk()
    talk.live(BTC)
    pauses = []
    for _ in range(5):
        talk.talk.renew(BTC, talk.now)
        (leave,) = talk.turn()
        talk.reply(leave, "BTC/USD")
        started = talk.now
        sent = []
        while not sent:
            talk.talk.heard(talk.now)
            for request in talk.turn(0.05):
                if request["method"] == "ping":
                    talk.reply(request)
                else:
                    sent.append(request)
        pauses.append(round(talk.now - started, 1))
        talk.reply(sent[0], "BTC/USD")
    assert pauses == [0.5, 1, 2, 4, 8]
    talk.talk.renew(BTC, talk.now)
    assert said.Degraded(BTC) in talk.events()
    assert talk.talk.table() == {BTC: "degraded"}
    assert methods(talk.keep_alive(120)) == [("unsubscribe", "book")]
    talk.talk.lost()
    assert methods(talk.open()) == [("subscribe", "book")]


def test_a_book_that_was_good_for_a_while_starts_its_count_anew():
    """Failures minutes apart are not a streak."""
    talk = Talk()
    talk.live(BTC)
    for _ in range(20):
        talk.talk.renew(BTC, talk.now)
        (leave,) = talk.turn()
        talk.reply(leave, "BTC/USD")
        (again,) = talk.turn(0.5)
        talk.reply(again, "BTC/USD")
        talk.talk.verified(BTC, talk.now)
        talk.keep_alive(60, BTC)
    assert not any(isinstance(event, said.Degraded) for event in talk.events())


def test_silence_pings_then_gives_up():
    """Five quiet seconds earn a ping; five more end the link (promise 17)."""
    talk = Talk()
    talk.open()
    assert talk.turn(4.75) == []
    assert methods(talk.turn(0.25)) == [("ping", None)]
    assert talk.turn(4.75) == []
    assert talk.events() == []
    talk.turn(0.25)
    assert talk.events() == [said.Dead("nothing heard for 10 s")]


def test_a_pong_that_does_not_come_ends_a_link_that_still_talks():
    """Data flows but nobody answers: after `ping_timeout` the link is given up."""
    talk = Talk()
    talk.open()
    for _ in range(21):
        talk.talk.heard(talk.now)
        talk.turn(1.0)
    assert said.Dead("no pong within 10 s") in talk.events()


def test_pings_go_out_at_their_interval_while_data_flows():
    """Each ten seconds one, answered or not needed otherwise."""
    talk = Talk()
    talk.open()
    sent = []
    for _ in range(60):
        talk.talk.heard(talk.now)
        for request in talk.turn(1.0):
            sent.append(request["method"])
            talk.reply(request)
    assert sent == ["ping"] * 6
    assert talk.events() == []


def test_a_blocked_loop_does_not_condemn_a_healthy_peer():
    """Promise 10: user code slept for a minute; what the peer sent meanwhile still waits in the socket."""
    talk = Talk()
    talk.live(BTC)
    talk.talk.deadline(talk.now)
    ping = talk.turn(60.0)
    assert [event for event in talk.events() if isinstance(event, said.Dead)] == []
    talk.talk.heard(talk.now)
    for request in ping:
        talk.reply(request)
    talk.keep_alive(5, BTC)
    assert [event for event in talk.events() if isinstance(event, said.Dead)] == []


def test_a_subscription_that_died_alone_is_renewed_alone():
    """Promise 17: ETH moves, BTC does not any more; after thirty seconds BTC is fetched anew."""
    talk = Talk()
    talk.live(BTC, ETH)
    talk.keep_alive(60, BTC, ETH)
    sent = talk.keep_alive(40, ETH)
    assert (sent[0]["method"], sent[0]["params"]["symbol"]) == ("unsubscribe", ["BTC/USD"])
    assert all(frame["params"]["symbol"] == ["BTC/USD"] for frame in sent)
    assert said.Renewing(BTC, "stale") in talk.events()


def test_quiet_markets_are_given_more_patience():
    """A market that pauses for half a minute now and then is not renewed for pausing a minute (quirk 24)."""
    talk = Talk()
    talk.live(BTC)
    for _ in range(4):
        talk.keep_alive(25)
        talk.keep_alive(1, BTC)
    assert talk.keep_alive(60) == []


def test_any_request_is_correlated_by_its_id_and_times_out():
    """Replies in any order; one that comes too late, or twice, is stray."""
    talk = Talk()
    talk.open()
    first, second = (talk.talk.request({"method": "m", "req_id": 7, "params": {"n": n}}, talk.now) for n in (1, 2))
    one, two = talk.turn()
    assert (one["req_id"], two["req_id"]) == (first, second)
    talk.now += 0.25
    talk.reply({"method": "m", "req_id": second, "params": {"channel": "c"}})
    (answered,) = talk.events()
    assert (answered.req_id, answered.seconds) == (second, 0.25)
    talk.keep_alive(10)
    assert talk.events() == [said.TimedOut(first)]
    talk.reply({"method": "m", "req_id": first, "params": {"channel": "c"}})
    assert [type(event) for event in talk.events()] == [said.Stray]


def test_a_forgotten_request_is_neither_sent_nor_answered():
    """Whoever asked is gone."""
    talk = Talk()
    req_id = talk.talk.request({"method": "m"}, talk.now)
    talk.talk.forget(req_id)
    assert talk.open() == []
    assert not talk.talk.busy


def test_private_topics_wait_for_the_token_and_carry_it():
    """Without a token they would be refused (section 1.3)."""
    talk = Talk()
    private = Topic("balances", private=True)
    talk.talk.want(private)
    assert talk.open() == []
    talk.talk.grant("t")
    (request,) = talk.turn()
    assert request["params"] == {"channel": "balances", "snapshot": True, "token": "t"}


SYMBOLS = ["A/USD", "B/USD", "C/USD"]
STEPS = st.one_of(
    st.tuples(st.sampled_from(["want", "unwant", "renew"]), st.sampled_from(SYMBOLS)),
    st.tuples(st.sampled_from(["ack", "refuse", "already", "ignore"]), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.floats(0.01, 12)),
    st.tuples(st.just("lose"), st.none()),
)


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=40))
def test_whatever_happens_the_live_set_becomes_the_wanted_set(steps):
    """Any sequence of wishes, answers, refusals that pass, silence and losses; then patience, and both sets agree."""
    talk = Talk()
    topics = {symbol: Topic("book", symbol, (("depth", 10),)) for symbol in SYMBOLS}
    wanted: set[Topic] = set()
    on_wire: list[dict] = []
    talk.talk.opened(talk.now)

    def answer(request: dict, how: str) -> None:
        for symbol in request.get("params", {}).get("symbol", [None]):
            if how == "refuse" and request["method"] == "subscribe":
                talk.reply(request, symbol, "EService:Unavailable")
            elif how == "already" and request["method"] == "subscribe":
                talk.reply(request, symbol, "Already subscribed")
            else:
                talk.reply(request, symbol)
                if request["method"] == "subscribe":
                    talk.frames[topics[symbol]] += 1

    for name, value in steps:
        match name:
            case "want":
                talk.talk.want(topics[value])
                wanted.add(topics[value])
            case "unwant":
                talk.talk.unwant(topics[value], talk.now)
                wanted.discard(topics[value])
            case "renew":
                talk.talk.renew(topics[value], talk.now)
            case "wait":
                talk.talk.heard(talk.now)
                on_wire += talk.turn(value)
            case "lose":
                talk.talk.lost()
                on_wire.clear()
                talk.talk.opened(talk.now)
            case _ if on_wire:
                request = on_wire.pop(value % len(on_wire))
                if name != "ignore":
                    answer(request, name)
    talk.talk.lost()
    on_wire.clear()
    talk.talk.opened(talk.now)
    for _ in range(120):
        for topic in topics.values():
            talk.frames[topic] += 1
        talk.talk.heard(talk.now)
        for request in talk.turn(1.0):
            answer(request, "ack")
    assert {topic for topic, stage in talk.talk.table().items() if stage == "live"} == wanted
    assert set(talk.talk.table()) == wanted
