"""How holes of an executions stream are closed by REST: what is asked, in how many steps, and how often again."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from rxkraken.errors import ClientClosed, RequestTimeout
from rxkraken.models.account import OrderDescription, OrderInfo, OrderPage, TradeInfo, TradePage
from rxkraken.streams.account import Hole
from rxkraken.testing import run
from rxkraken.trading.mending import RestMender

D = Decimal


def order(txid, status="open"):
    descr = OrderDescription(pair="XBTUSD", type="buy", ordertype="limit", price="30000")
    return OrderInfo(txid=txid, status=status, descr=descr, vol=D(1), opentm=D(1700000000))


def trade(number):
    return TradeInfo(
        txid=f"T{number}", ordertxid="O1", pair="XXBTZUSD", time=D(1700000000 + number), type="buy", price=D(1),
        cost=D(1), fee=D(0), vol=D(1),
    )  # fmt: skip


class Rest:
    """Answers from lists, in pages of 50 as REST does; `failures` are raised first, `seconds` is how long it takes."""

    def __init__(self, *, opened=(), closed=(), trades=(), known=None, failures=(), seconds=0.1):
        self.opened, self.closed, self.trades = list(opened), list(closed), list(trades)
        self.known = dict(known or {})
        self.failures, self.seconds = list(failures), seconds
        self.asked = []

    async def _turn(self, *what):
        self.asked.append((round(asyncio.get_running_loop().time(), 3), *what))
        await asyncio.sleep(self.seconds)
        if self.failures:
            raise self.failures.pop(0)

    async def open_orders(self):
        await self._turn("open")
        return {each.txid: each for each in self.opened}

    async def closed_orders(self, *, start, ofs, closetime):
        await self._turn("closed", start, ofs, closetime)
        return OrderPage(orders={each.txid: each for each in self.closed[ofs : ofs + 50]})

    async def trades_history(self, *, start, ofs):
        await self._turn("trades", start, ofs)
        return TradePage(trades={each.txid: each for each in self.trades[ofs : ofs + 50]})

    async def query_orders(self, ids):
        await self._turn("query", tuple(ids))
        return {txid: order(txid, self.known[txid]) for txid in ids if txid in self.known}


class Asked:
    """A mender at work on one hole, and what came of it."""

    def __init__(self, rest, hole, patience=10.0):
        self.done, self.late = [], []
        self.mender = RestMender(lambda: rest, asyncio.get_running_loop(), patience)
        self.mender(hole, self.done.append, self.late.append)

    @property
    def found(self):
        """The ids of what was found at first, and whether that was all."""
        (mended,) = self.done
        return [each.fill.exec_id if each.fill else each.order_id for each in mended.reports], mended.complete


def test_an_order_that_only_a_report_has_named_is_asked_for():
    async def act():
        rest = Rest(known={"O1": "open"})
        asked = Asked(rest, Hole(None, ("O1",)))
        await asyncio.sleep(1000)
        return rest.asked, asked.found, asked.late

    assert run(act) == ([(0.0, "query", ("O1",))], (["O1"], True), [])


def test_after_an_interruption_closed_orders_and_fills_are_read_page_by_page():
    """From five seconds earlier, since clocks differ; a page that is not full is the last."""

    async def act():
        rest = Rest(closed=[order(f"O{number}", "closed") for number in range(60)], trades=map(trade, range(100)))
        asked = Asked(rest, Hole(1700000000.9, ("O3",), gone=True, fills=True))
        await asyncio.sleep(1000)
        return [call[1:] for call in rest.asked], asked.found, asked.late

    calls, (found, complete), late = run(act)
    start = 1699999995
    assert calls == [
        ("closed", start, 0, "close"), ("closed", start, 50, "close"),
        ("trades", start, 0), ("trades", start, 50), ("trades", start, 100),
    ]  # fmt: skip
    assert found == [f"T{number}" for number in range(100)] + [f"O{number}" for number in range(60)]
    assert (complete, late) == (True, [])


def test_without_a_snapshot_what_is_open_is_asked_too():
    async def act():
        rest = Rest(opened=[order("O1"), order("O2")], known={"O9": "canceled"})
        asked = Asked(rest, Hole(None, ("O1", "O9"), everything=True))
        await asyncio.sleep(10)
        return [call[1:] for call in rest.asked], asked.found

    assert run(act) == ([("open",), ("query", ("O9",))], (["O1", "O2", "O9"], True))


def test_many_orders_are_asked_for_fifty_at_a_time():
    async def act():
        ids = tuple(f"O{number}" for number in range(120))
        rest = Rest(known=dict.fromkeys(ids, "canceled"))
        asked = Asked(rest, Hole(None, ids, gone=True))
        await asyncio.sleep(10)
        return [len(call[2]) for call in rest.asked], len(asked.found[0])

    assert run(act) == ([50, 50, 20], 120)


def test_an_order_that_rest_still_calls_open_is_asked_about_until_it_is_not():
    """Section 5.5: REST may lag by a minute. The stream goes on meanwhile, and is told late; pauses double."""

    async def act():
        rest = Rest(known={"O1": "open", "O2": "canceled"})
        asked = Asked(rest, Hole(None, ("O1", "O2"), gone=True))
        await asyncio.sleep(40)
        first = asked.found
        rest.known["O1"] = "canceled"
        await asyncio.sleep(1000)
        return first, [call[0] for call in rest.asked], rest.asked[-1], asked.late

    first, times, last, (late,) = run(act)
    assert first == (["O2"], True)
    assert times == [0.0, 1.1, 3.2, 7.3, 15.4, 31.5, 61.6]
    assert last[1:] == ("query", ("O1",))
    assert [(each.order_id, each.status) for each in late] == [("O1", "canceled")]


@pytest.mark.parametrize("trouble", [{"failures": [RequestTimeout("down")]}, {"seconds": 30.0}], ids=["fails", "hangs"])
def test_a_stream_is_not_held_back_for_longer_than_its_patience(trouble):
    """It goes on and says that something may be missing; what is found out afterwards comes late, all of it."""

    async def act():
        rest = Rest(closed=[order("O1", "closed")], trades=[trade(1)], **trouble)
        asked = Asked(rest, Hole(1700000000.0, ("O1",), gone=True, fills=True), patience=5.0)
        await asyncio.sleep(6)
        first = asked.found
        await asyncio.sleep(200)
        return first, asked.late, len(asked.mender._tasks)

    first, (late,), tasks = run(act)
    assert first == ([], False)
    assert [each.fill.exec_id if each.fill else each.order_id for each in late] == ["T1", "O1"]
    assert tasks == 0


def test_a_closed_client_is_asked_no_more():
    async def act():
        rest = Rest(failures=[RequestTimeout("down"), ClientClosed("closed")])
        asked = Asked(rest, Hole(None, ("O1",), gone=True))
        await asyncio.sleep(1000)
        return len(rest.asked), asked.found, asked.late, len(asked.mender._tasks)

    assert run(act) == (2, ([], False), [], 0)


@pytest.mark.parametrize("moment", [0.05, 3.0])
def test_closing_gives_up_whatever_is_being_looked_up(moment):
    async def act():
        rest = Rest(known={"O1": "open"})
        asked = Asked(rest, Hole(None, ("O1",), gone=True))
        await asyncio.sleep(moment)
        await asked.mender.aclose()
        calls = len(rest.asked)
        await asyncio.sleep(1000)
        return len(asyncio.all_tasks()), len(rest.asked) - calls

    assert run(act) == (1, 0)


def test_more_than_can_be_asked_for_leaves_the_hole_incomplete():
    """After days without a line: what was found is told, and that it may not be all."""

    async def act():
        rest = Rest(closed=[order(f"O{number}", "closed") for number in range(2100)], seconds=0.01)
        asked = Asked(rest, Hole(1700000000.0, ()), patience=60.0)
        await asyncio.sleep(30)
        await asked.mender.aclose()
        (mended,) = asked.done
        assert len(mended.reports) == 2000
        assert not mended.complete

    run(act)
