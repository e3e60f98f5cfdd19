"""The practice exchange of blocking code."""

from __future__ import annotations

import threading

import pytest

import rxkraken as rk


def test_a_blocking_script_practises_without_an_event_loop_of_its_own():
    """An exchange, a client, an order, a fault; and no thread is left."""
    before = threading.active_count()
    with (
        rk.sync.Simulator(seed=1, symbols=["BTC/USD"]) as exchange,
        rk.sync.KrakenClient(exchange.endpoints, exchange.credentials) as client,
    ):
        assert exchange.url.startswith("ws://127.0.0.1:")
        assert client.book("BTC/USD").first(timeout=30).verified
        ack = client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="25000")
        assert [each.cl_ord_ids for each in exchange.received] == [(ack.cl_ord_id,)]
        assert ack.order_id in exchange.accounts["demo"].orders
        with pytest.raises(rk.InvalidArgument, match="no fault is called"):
            exchange.fault("nonsense")
    assert threading.active_count() == before


def test_before_the_start_it_says_how_to_start():
    with pytest.raises(RuntimeError, match=r"not started; use `with rk\.sync\.Simulator\(\) as exchange:`"):
        rk.sync.Simulator().fault("drop")
