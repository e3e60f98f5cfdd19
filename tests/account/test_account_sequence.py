"""Whether a private message is the next one: a counter for each channel, or one for the connection."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.account.sequence import SequenceCheck


def verdicts(*messages):
    """What is said of `(channel, number)` messages; number 1 and a trailing `!` mark snapshots."""
    check = SequenceCheck()
    return [
        check.missing(channel.rstrip("!"), number, first=channel.endswith("!") or number == 1)
        for channel, number in messages
    ]


def test_each_subscription_counts_for_itself():
    """Section 5.4: from 1, then one by one, whatever the other channel does in between."""
    said = verdicts(("executions", 1), ("balances", 1), ("executions", 2), ("executions", 3), ("balances", 2))
    assert said == [None] * 5


def test_a_missing_message_is_named_and_then_counting_goes_on():
    said = verdicts(("executions", 1), ("executions", 2), ("executions", 4), ("executions", 5))
    assert said == [None, None, "message 3 is missing before 4", None]


def test_a_lost_first_message_is_noticed():
    assert verdicts(("executions", 2)) == ["message 1 is missing before 2"]


def test_a_repeated_message_is_no_gap():
    """What it says is known by its content."""
    assert verdicts(("executions", 1), ("executions", 2), ("executions", 2), ("executions", 3)) == [None] * 4


def test_a_new_subscription_begins_at_one_again():
    said = verdicts(("executions", 1), ("executions", 2), ("executions", 1), ("executions", 2), ("executions", 4))
    assert said == [None, None, None, None, "message 3 is missing before 4"]


def test_one_counter_for_the_connection_is_recognised():
    """The reading of one client (section 5.4): the second subscription begins where the first one is."""
    said = verdicts(
        ("executions", 1), ("executions", 2), ("balances!", 3), ("executions", 4), ("balances", 5), ("balances", 6),
        ("executions", 8), ("balances", 9),
    )  # fmt: skip
    assert said == [None] * 6 + ["message 7 is missing before 8", None]


def test_a_fresh_subscription_of_a_shared_counter_is_no_gap():
    said = verdicts(("executions", 1), ("balances!", 2), ("executions", 3), ("executions!", 4), ("balances", 5))
    assert said == [None] * 5


@pytest.mark.parametrize("number", [None, "2", True, 2.0, []])
def test_a_message_without_a_number_cannot_be_judged(number):
    check = SequenceCheck()
    assert check.missing("executions", number, first=False) is None
    assert check.missing("executions", 1, first=True) is None
    assert check.missing("executions", number, first=False) is None
    assert check.missing("executions", 2, first=False) is None


@given(st.lists(st.sampled_from(["executions", "balances"]), max_size=40), st.booleans(), st.data())
def test_a_lost_message_is_noticed_with_the_next_one_and_nothing_else_is(channels, shared, data):
    """By either reading: the losses that are reported are those that happened after both snapshots."""
    sent, counters = [("executions", 1), ("balances", 2 if shared else 1)], {"executions": 1, "balances": 1}
    newest = 2
    for channel in channels:
        counters[channel] += 1
        newest += 1
        sent.append((channel, newest if shared else counters[channel]))
    lost = set(data.draw(st.lists(st.integers(2, len(sent)), max_size=3, unique=True)))
    check = SequenceCheck()
    noticed, due, pending = 0, 0, set()
    for place, (channel, number) in enumerate(sent):
        whose = "both" if shared else channel
        if place in lost:
            pending.add(whose)
            continue
        due += whose in pending
        pending.discard(whose)
        noticed += check.missing(channel, number, first=place < 2) is not None
    assert noticed == due
