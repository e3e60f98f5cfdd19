"""The life of blocking clients of v1: side by side, on many threads, interrupted, closed from anywhere, forgotten."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest
from reactivex import operators as ops

import rxkraken as rk

PATIENCE = 30.0


def threads():
    """The names of the threads of clients of v1."""
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("rxkraken sync v1"))


def never_of(client):
    """A stream of the client that stays silent however much the exchange sends."""
    return client.stream(client.messages.observable.pipe(ops.filter(lambda _: False)))


def once_waiting(client, pull, act):
    """Have something done on the client's thread as soon as a thread waits in `pull`."""

    def look():
        if pull._crossing._waiters:
            act()
        else:
            client._background.post(look)

    client._background.post(look)


# --- started and closed -----------------------------------------------------------------------------------------------


def test_making_one_starts_nothing_and_closing_it_twice_leaves_nothing():
    client = rk.sync.KrakenV1Client(name="hedge")
    assert (threads(), client.state, client.subscriptions) == ([], "idle", [])
    with client:
        assert (threads(), client.state, client.system_status) == (["rxkraken sync v1 hedge"], "idle", None)
        assert client.start() is client
    assert (threads(), client.state) == ([], "closed")
    client.close()


def test_without_endpoints_it_is_the_live_exchanges_v1_and_its_repr_tells_no_secret():
    client = rk.sync.KrakenV1Client(credentials=rk.Credentials("key-is-here", "c2VjcmV0"), name="hedge")
    stages = [repr(client)]
    with client:
        stages.append(repr(client))
    stages.append(repr(client))
    place = rk.Endpoints.live_v1().public
    told = [f"<rxkraken.sync.KrakenV1Client hedge {place} {stage}>" for stage in ("not started", "running", "closed")]
    assert (client.endpoints, stages) == (rk.Endpoints.live_v1(), told)


def uses(client, stream):
    """Every way to need a client that runs."""
    return (
        client.ping,
        stream.first,
        lambda: iter(stream),
        lambda: stream.subscribe(print),
        lambda: client.limits,
        client.rest.time,
        client.tickets.cancel_all,
    )


def test_before_the_start_it_says_how_to_start():
    client = rk.sync.KrakenV1Client()
    for use in uses(client, client.book("BTC/USD")):
        with pytest.raises(RuntimeError, match=r"not started; use `with rk\.sync\.KrakenV1Client"):
            use()


def test_after_the_end_it_says_that_it_is_closed():
    client = rk.sync.KrakenV1Client()
    with client:
        stream = client.book("BTC/USD")
    for use in (*uses(client, stream), client.start):
        with pytest.raises(rk.ClientClosed, match="make a new one"):
            use()


# --- interrupted ------------------------------------------------------------------------------------------------------


def test_another_thread_may_cancel_an_iteration_and_the_client_goes_on(trader_v1):
    pull = iter(never_of(trader_v1))
    once_waiting(trader_v1, pull, threading.Thread(target=pull.close).start)
    assert list(pull) == []
    assert trader_v1.book("BTC/USD").first(timeout=PATIENCE).verified


def test_closing_the_client_from_another_thread_ends_every_iteration(v1_of):
    client = v1_of().start()
    taken, ended = threading.Event(), []

    def watch():
        for _ in client.book("BTC/USD"):
            taken.set()
        ended.append("end")

    watching = threading.Thread(target=watch)
    watching.start()
    assert taken.wait(PATIENCE)
    client.close()
    watching.join(PATIENCE)
    assert (ended, client.state, threads()) == (["end"], "closed", [])


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_in_the_middle_of_next_leaves_the_stream_and_not_the_client(trader_v1):
    pull = iter(never_of(trader_v1))
    once_waiting(trader_v1, pull, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        next(pull)
    assert list(pull) == []
    placed = trader_v1.add_order("BTC/USD", "buy", "limit", qty="0.01", price="20000")
    assert trader_v1.cancel_order(placed.order_id).orders[0].cancelled


# --- side by side -----------------------------------------------------------------------------------------------------


def test_named_clients_live_side_by_side_and_end_one_by_one(v1_of):
    with v1_of(name="quotes", key=False) as quotes, v1_of(name="orders", no_public=True) as orders:
        with v1_of(name="fills", no_public=True) as fills:
            assert threads() == [f"rxkraken sync v1 {name}" for name in ("fills", "orders", "quotes")]
            ask = quotes.book("BTC/USD").first(timeout=PATIENCE).best_ask.price
            with fills.own_trades(gaps=False).pull(timeout=PATIENCE) as told:
                placed = orders.add_order("BTC/USD", "buy", "limit", qty="0.01", price=ask + 1000)
                fill = next(fill for fill in told if fill.order_id == placed.order_id)
            assert (fill.side, fill.symbol) == ("buy", "BTC/USD")
        assert (fills.state, quotes.ping() > 0) == ("closed", True)
        assert (quotes.name, orders.name) == ("quotes", "orders")


def test_the_dialects_see_one_account(practice, v1_of):
    with rk.sync.KrakenClient(practice.endpoints, practice.credentials) as newer, v1_of() as older:
        placed = older.add_order("BTC/USD", "buy", "limit", qty="0.01", price="20000")
        with newer.open_orders().pull(timeout=PATIENCE) as tables:
            assert any(placed.order_id in table for table in tables)


def test_many_threads_share_one_client(trader_v1):
    placed, failed = [], []

    def trade(number):
        try:
            for _ in range(5):
                given = {"qty": "0.01", "price": str(20000 + number)}
                placed.append(trader_v1.add_order("BTC/USD", "buy", "limit", **given).order_id)
                trader_v1.book("BTC/USD").first(timeout=PATIENCE)
        except Exception as error:  # noqa: BLE001 - the assertion below shows it
            failed.append(error)

    trading = [threading.Thread(target=trade, args=(number,)) for number in range(4)]
    for thread in trading:
        thread.start()
    for thread in trading:
        thread.join()
    assert (failed, len(set(placed))) == ([], 20)
    assert trader_v1.cancel_all().count == 20


async def test_it_works_inside_a_running_loop(v1_of):
    """As in a notebook: the loop that runs here is not asked for anything."""
    with v1_of() as client:
        assert client.book("BTC/USD").first(timeout=PATIENCE).symbol == "BTC/USD"
        assert client.ping() > 0


# --- scripts ----------------------------------------------------------------------------------------------------------

FORGOTTEN = """
import rxkraken as rk
client = rk.sync.KrakenV1Client().start()
print(client.book("BTC/USD").first(timeout=20).symbol)
client.spread("BTC/USD").subscribe(lambda spread: None, on_completed=lambda: print("completed"))
books = iter(client.book("BTC/USD"))
"""
# What is started in the background of a shell ignores Ctrl-C, and so would this script.
INTERRUPTED = """
import signal
import rxkraken as rk

signal.signal(signal.SIGINT, signal.default_int_handler)
with rk.sync.KrakenV1Client() as client:
    try:
        for book in client.book("BTC/USD"):
            print("ready", flush=True)
            break
        for item in client.unknown:
            pass
    except KeyboardInterrupt:
        print("interrupted", client.ping() > 0)
        raise
"""


def run(practice, source):
    """Start a script in another interpreter, with that exchange where the live one would be."""
    place = practice.v1_endpoints
    urls = {"public": place.public, "auth": place.auth, "rest": place.rest}
    before = f"import rxkraken\nrxkraken.Endpoints.live_v1 = classmethod(lambda cls: cls(**{urls!r}))\n"
    command = [sys.executable, "-W", "error", "-c", before + source]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_script_that_forgets_to_close_ends_by_itself_and_orderly(practice):
    with run(practice, FORGOTTEN) as process:
        output, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output.split(), complaints) == (0, ["BTC/USD", "completed"], "")


def test_ctrl_c_ends_a_waiting_script_in_good_order(practice):
    with run(practice, INTERRUPTED) as process:
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGINT)
        output, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output) == (-signal.SIGINT, "interrupted True\n")
    assert complaints.rstrip().endswith("KeyboardInterrupt")
