"""Balances: a snapshot, and ledger records that overwrite one asset each (ws-v2 reference section 5.3)."""

from __future__ import annotations

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from rxkraken.account.balances import BalanceReducer
from rxkraken.models.trading import Wallet

D = Decimal


def held(asset, balance, *wallets):
    rows = [{"type": kind, "id": place, "balance": D(amount)} for kind, place, amount in wallets]
    return {"asset": asset, "asset_class": "currency", "balance": D(balance), "wallets": rows}


def ledger(number, asset, balance, *, amount="1", wallet=("spot", "main")):
    return {
        "ledger_id": f"L{number}", "ref_id": "F1", "timestamp": "2024-05-24T14:01:53.526524Z", "type": "trade",
        "asset": asset, "asset_class": "currency", "category": "trade", "wallet_type": wallet[0],
        "wallet_id": wallet[1], "amount": D(amount), "fee": D(0), "balance": D(balance),
    }  # fmt: skip


def begun(*rows):
    reducer = BalanceReducer()
    reducer.reduce(rows, "snapshot", 1.0, 1)
    return reducer


def test_a_fill_changes_two_assets_in_two_items_and_leaves_the_others():
    """Each item has every asset, and names the ledger record that changed it."""
    reducer = begun(held("USD", "500", ("spot", "main", "500")), held("BTC", "2"), held("ETH", "7"))
    (paid,) = reducer.reduce([ledger(1, "USD", "400", amount="-100")], "update", 2.0, 1)
    (got,) = reducer.reduce([ledger(2, "BTC", "2.5", amount="0.5")], "update", 3.0, 1)
    assert {asset: each.balance for asset, each in paid.items()} == {"USD": D(400), "BTC": D(2), "ETH": D(7)}
    assert {asset: each.balance for asset, each in got.items()} == {"USD": D(400), "BTC": D("2.5"), "ETH": D(7)}
    assert paid["USD"].wallets == (Wallet("spot", "main", D(400)),)
    assert [(each.changes[0].ledger_id, each.snapshot, each.received) for each in (paid, got)] == [
        ("L1", False, 2.0),
        ("L2", False, 3.0),
    ]
    assert (got.total("BTC"), got.total("DOGE"), len(got)) == (D("2.5"), D(0), 3)


def test_an_asset_that_was_never_held_appears():
    reducer = begun(held("USD", "1"))
    (latest,) = reducer.reduce([ledger(1, "SOL", "3")], "update", 2.0, 1)
    assert (latest.total("SOL"), latest["SOL"].wallets) == (D(3), ())


def test_a_repeated_ledger_record_changes_nothing():
    """Its id says that it was told; an old balance does not come back."""
    reducer = begun(held("USD", "500"))
    reducer.reduce([ledger(1, "USD", "400")], "update", 2.0, 1)
    reducer.reduce([ledger(2, "USD", "300")], "update", 3.0, 1)
    assert reducer.reduce([ledger(1, "USD", "400")], "update", 4.0, 1) == ()
    assert reducer.current()[0].total("USD") == D(300)


def test_of_an_asset_in_several_wallets_the_named_one_changes():
    """The total is their sum; a wallet that was not there before is added."""
    reducer = begun(held("ETH", "10", ("spot", "main", "4"), ("earn", "bonded", "6")))
    (one,) = reducer.reduce([ledger(1, "ETH", "5", wallet=("earn", "bonded"))], "update", 2.0, 1)
    (two,) = reducer.reduce([ledger(2, "ETH", "1", wallet=("earn", "flex"))], "update", 2.0, 1)
    assert [each.balance for each in one["ETH"].wallets] == [D(4), D(5)]
    assert (one.total("ETH"), two.total("ETH")) == (D(9), D(10))
    assert two["ETH"].wallets[-1] == Wallet("earn", "flex", D(1))


def test_nothing_is_shown_before_a_snapshot_nor_after_an_interruption():
    """Promise 2: an update alone does not tell the other assets, and a balance from before may be wrong."""
    reducer = BalanceReducer()
    assert reducer.reduce([ledger(1, "USD", "400")], "update", 1.0, 1) == ()
    reducer.reduce([held("USD", "400")], "snapshot", 2.0, 1)
    assert [each.total("USD") for each in reducer.current()] == [D(400)]
    reducer.reset()
    assert reducer.current() == ()
    assert reducer.reduce([ledger(2, "USD", "300")], "update", 3.0, 1) == ()
    (latest,) = reducer.reduce([held("USD", "200")], "snapshot", 4.0, 2)
    assert (latest.total("USD"), latest.snapshot, latest.changes, latest.epoch) == (D(200), True, (), 2)


@given(st.lists(st.tuples(st.sampled_from(["USD", "BTC", "ETH"]), st.integers(0, 10**12)), max_size=12))
def test_every_total_is_the_latest_that_was_told(records):
    """With each record told twice in a row, as after a stutter of the exchange."""
    reducer = begun()
    for number, (asset, units) in enumerate(records):
        record = ledger(number, asset, D(units).scaleb(-8))
        assert len(reducer.reduce([record], "update", 1.0, 1)) == 1
        assert reducer.reduce([record, record], "update", 1.0, 1) == ()
    (latest,) = reducer.current()
    told = {asset: D(units).scaleb(-8) for asset, units in records}
    assert {asset: each.balance for asset, each in latest.items()} == told


def test_a_total_over_several_wallets_is_exact_whatever_the_program_has_set():
    """The context of the caller's thread must not round money."""
    reducer = begun(held("BTC", "3", ("spot", "main", "1"), ("earn", "flex", "2")))
    with localcontext(prec=5):
        (after,) = reducer.reduce([ledger(1, "BTC", "1.2345678901")], "update", 2.0, 1)
    assert after["BTC"].balance == D("3.2345678901")
