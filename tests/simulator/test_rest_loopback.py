"""A day of the real client at the simulator's real REST server: every call that the reference describes, once."""

from __future__ import annotations

import rxkraken as rk
from rxkraken.rest import Limits, RestClient
from rxkraken.simulator.rest_front import TERMS


async def test_the_client_makes_every_private_call_over_loopback():
    made = []
    async with (
        rk.Simulator(seed=7, symbols=["BTC/USD", "ETH/USD"], rate=0) as simulator,
        RestClient(simulator.credentials, endpoints=simulator.endpoints, limits=Limits("pro")) as rest,
    ):
        call = rest._call

        def noted(name, *arguments, **named):
            made.append(name)
            return call(name, *arguments, **named)

        rest._call = noted
        first = (await rest.add_order("BTC/USD", "buy", "limit", "0.1", price="80000", cl_ord_id="first")).txid[0]
        await rest.amend_order(cl_ord_id="first", limit_price="80000.5")
        assert (await rest.order_amends(first)).count == 2
        second = (await rest.edit_order(first, "BTC/USD", volume="0.2")).txid
        assert list(await rest.open_orders()) == [second]
        assert (await rest.cancel_order(second)).count == 1
        filled = (await rest.add_order("BTC/USD", "sell", "market", "0.01")).txid[0]
        batch = [{"ordertype": "limit", "type": "buy", "volume": "1", "price": price} for price in ("2000", "2001")]
        placed = await rest.add_order_batch("ETH/USD", batch)
        assert (await rest.cancel_order_batch([item.txid for item in placed.orders])).count == 2
        assert (await rest.cancel_all_orders_after(60)).trigger_time is not None
        assert (await rest.cancel_all()).count == 0
        assert (await rest.query_orders([first, filled]))[filled].status == "closed"
        assert (await rest.closed_orders()).count == 5
        trade = next(iter((await rest.trades_history()).trades.values()))
        assert (await rest.query_trades(trade.txid))[trade.txid] == trade
        entry = next(iter((await rest.ledgers(type="trade")).ledger.values()))
        assert (await rest.query_ledgers(entry.id))[entry.id] == entry
        assert (await rest.balance())["XXBT"] == (await rest.balance_ex())["XXBT"].balance
        assert (await rest.trade_balance()).eb > 0
        assert (await rest.trade_volume("BTC/USD")).volume > 0
        assert await rest.open_positions() == {}
        assert (await rest.get_websockets_token()).expires == 900
        assert (await rest.get_api_key_info()).api_key == simulator.credentials.key
    assert set(made) == set(TERMS)
