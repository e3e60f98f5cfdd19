"""Records of `executions` and `balances` as they come: the examples of the reference, and anything else at all."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.models.trading import Balance, Contingent, Fee, LedgerChange, Trigger, Wallet
from rxkraken.protocol import spot_v2_account
from rxkraken.protocol.json import exact
from rxkraken.protocol.spot_v2 import Malformed
from rxkraken.protocol.spot_v2_account import FillReport, Report

D = Decimal


def record(text):
    return exact(text)


def at(text):
    return datetime.fromisoformat(text)


# Every record of the examples of ws-v2 reference section 5.2, and what it says.
EXAMPLES = {
    "a fill in a snapshot": (
        (
            '{"order_id":"NG6PUE-C7MXN-CFCAMC","order_userref":0,"exec_id":"B1Y0D9-6JIJG-W1IB7L","exec_type":"trade",'
            '"trade_id":37496584,"symbol":"BTC/USD","side":"sell","last_qty":0.00016000,"last_price":63377.2,'
            '"liquidity_ind":"t","cost":10.12445,"order_status":"filled","order_type":"limit",'
            '"timestamp":"2024-04-16T10:54:38.243302Z","fee_usd_equiv":0.04050,"fees":[{"asset":"USD","qty":0.04051}]}'
        ),
        Report(
            order_id="NG6PUE-C7MXN-CFCAMC",
            exec_type="trade",
            status="filled",
            timestamp=at("2024-04-16T10:54:38.243302+00:00"),
            changes={
                "order_userref": None,
                "symbol": "BTC/USD",
                "side": "sell",
                "order_type": "limit",
                "fee_usd_equiv": D("0.04050"),
            },
            fill=FillReport(
                exec_id="B1Y0D9-6JIJG-W1IB7L",
                trade_id=37496584,
                qty=D("0.00016000"),
                price=D("63377.2"),
                cost=D("10.12445"),
                liquidity="t",
                fees=(Fee("USD", D("0.04051")),),
            ),
        ),
    ),
    "pending_new": (
        (
            '{"order_id":"OK4GJX-KSTLS-7DZZO5","order_userref":3,"symbol":"BTC/USD","order_qty":0.005,"cum_cost":0.0,'
            '"time_in_force":"GTC","exec_type":"pending_new","side":"sell","order_type":"limit","limit_price_type":"static",'
            '"limit_price":26500.0,"stop_price":0.0,"order_status":"pending_new","fee_usd_equiv":0.0,"fee_ccy_pref":"fciq",'
            '"timestamp":"2023-09-22T10:33:05.709950Z"}'
        ),
        Report(
            order_id="OK4GJX-KSTLS-7DZZO5",
            exec_type="pending_new",
            status="pending_new",
            timestamp=at("2023-09-22T10:33:05.709950+00:00"),
            changes={
                "order_userref": 3,
                "symbol": "BTC/USD",
                "qty": D("0.005"),
                "cum_cost": D("0.0"),
                "time_in_force": "gtc",
                "side": "sell",
                "order_type": "limit",
                "limit_price_type": "static",
                "limit_price": D("26500.0"),
                "fee_usd_equiv": D("0.0"),
                "fee_preference": "fciq",
            },
        ),
    ),
    "new": (
        (
            '{"timestamp":"2023-09-22T10:33:05.709982Z","order_status":"new","exec_type":"new","order_userref":3,'
            '"order_id":"OK4GJX-KSTLS-7DZZO5"}'
        ),
        Report(
            order_id="OK4GJX-KSTLS-7DZZO5",
            exec_type="new",
            status="new",
            timestamp=at("2023-09-22T10:33:05.709982+00:00"),
            changes={"order_userref": 3},
        ),
    ),
    "trade": (
        (
            '{"order_id":"OK4GJX-KSTLS-7DZZO5","order_userref":3,"exec_id":"TGBB7L-HT5LX-J3BZ4A","exec_type":"trade",'
            '"trade_id":62887576,"symbol":"BTC/USD","side":"sell","last_qty":0.005,"last_price":26599.9,'
            '"liquidity_ind":"t","cost":132.9995,"cum_qty":0.005,"cum_cost":132.9995,"avg_price":26599.9,'
            '"order_status":"partially_filled","order_type":"limit","timestamp":"2023-09-22T10:33:05.709982Z",'
            '"fee_usd_equiv":0.3458,"fees":[{"asset":"USD","qty":0.3458}]}'
        ),
        Report(
            order_id="OK4GJX-KSTLS-7DZZO5",
            exec_type="trade",
            status="partially_filled",
            timestamp=at("2023-09-22T10:33:05.709982+00:00"),
            changes={
                "order_userref": 3,
                "symbol": "BTC/USD",
                "side": "sell",
                "order_type": "limit",
                "cum_qty": D("0.005"),
                "cum_cost": D("132.9995"),
                "avg_price": D("26599.9"),
                "fee_usd_equiv": D("0.3458"),
            },
            fill=FillReport(
                exec_id="TGBB7L-HT5LX-J3BZ4A",
                trade_id=62887576,
                qty=D("0.005"),
                price=D("26599.9"),
                cost=D("132.9995"),
                liquidity="t",
                fees=(Fee("USD", D("0.3458")),),
            ),
        ),
    ),
    "filled": (
        (
            '{"timestamp":"2023-09-22T10:33:05.709982Z","order_status":"filled","exec_type":"filled","cum_qty":0.005,'
            '"cum_cost":132.9995,"avg_price":26599.9,"fee_usd_equiv":0.3458,"order_userref":3,'
            '"order_id":"OK4GJX-KSTLS-7DZZO5"}'
        ),
        Report(
            order_id="OK4GJX-KSTLS-7DZZO5",
            exec_type="filled",
            status="filled",
            timestamp=at("2023-09-22T10:33:05.709982+00:00"),
            changes={
                "order_userref": 3,
                "cum_qty": D("0.005"),
                "cum_cost": D("132.9995"),
                "avg_price": D("26599.9"),
                "fee_usd_equiv": D("0.3458"),
            },
        ),
    ),
    "canceled": (
        (
            '{"timestamp":"2024-05-18T12:58:40.165132Z","order_status":"canceled","exec_type":"canceled",'
            '"cum_qty":0.00000000,"cum_cost":0.000000,"fee_usd_equiv":0.000000,"avg_price":0.00000,"order_userref":0,'
            '"cancel_reason":"User requested","reason":"User requested","order_id":"KIUEL4-G3PWU-HOJTYU"}'
        ),
        Report(
            order_id="KIUEL4-G3PWU-HOJTYU",
            exec_type="canceled",
            status="canceled",
            timestamp=at("2024-05-18T12:58:40.165132+00:00"),
            changes={"order_userref": None, "cum_qty": D(0), "cum_cost": D(0), "fee_usd_equiv": D(0)},
            reason="User requested",
        ),
    ),
    "amended": (
        (
            '{"timestamp":"2024-10-13T13:38:39.273886Z","exec_type":"amended","order_status":"new","cum_qty":0.00000000,'
            '"reason":"User requested","amended":true,"order_qty":5.10000000,"limit_price":0.9600,'
            '"limit_price_type":"static","order_userref":0,"order_id":"6LYQGW-FH922-U6JTUM"}'
        ),
        Report(
            order_id="6LYQGW-FH922-U6JTUM",
            exec_type="amended",
            status="new",
            timestamp=at("2024-10-13T13:38:39.273886+00:00"),
            changes={
                "order_userref": None,
                "cum_qty": D(0),
                "amended": True,
                "qty": D("5.1"),
                "limit_price": D("0.96"),
                "limit_price_type": "static",
            },
            reason="User requested",
        ),
    ),
    "a stop order": (
        (
            '{"order_id":"AHOJQ8-1E72C-8M2VQH","symbol":"ADX/USD","order_qty":81.36256082,"cum_cost":0,'
            '"time_in_force":"GTC","exec_type":"pending_new","side":"buy","order_type":"stop-loss-limit","order_userref":0,'
            '"limit_price_type":"static","triggers":{"price":0.2,"price_type":"static","reference":"index",'
            '"status":"untriggered"},"stop_price":0.2,"limit_price":0.2,"trigger":"index","order_status":"pending_new",'
            '"fee_usd_equiv":0,"fee_ccy_pref":"fciq","timestamp":"2024-05-18T12:01:56.165888Z"}'
        ),
        Report(
            order_id="AHOJQ8-1E72C-8M2VQH",
            exec_type="pending_new",
            status="pending_new",
            timestamp=at("2024-05-18T12:01:56.165888+00:00"),
            changes={
                "symbol": "ADX/USD",
                "qty": D("81.36256082"),
                "cum_cost": D(0),
                "time_in_force": "gtc",
                "side": "buy",
                "order_type": "stop-loss-limit",
                "order_userref": None,
                "limit_price_type": "static",
                "trigger": Trigger(D("0.2"), "static", "index", "untriggered"),
                "limit_price": D("0.2"),
                "fee_usd_equiv": D(0),
                "fee_preference": "fciq",
            },
        ),
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_execution_of_the_reference_is_read_completely(name):
    """Nothing in them is a surprise, and every number has the digits that were sent."""
    text, report = EXAMPLES[name]
    assert spot_v2_account.execution(record(text)) == report
    assert spot_v2_account.surprise(record(text)) is None


def test_a_balance_snapshot_is_read_with_its_wallets():
    text = (
        '[{"asset":"BRICK","asset_class":"currency","balance":439.9736,"wallets":[]},'
        '{"asset":"USD","asset_class":"currency","balance":160.2405,'
        '"wallets":[{"type":"spot","id":"main","balance":1.34}]}]'
    )
    assert [spot_v2_account.balance(each) for each in record(text)] == [
        Balance("BRICK", D("439.9736")),
        Balance("USD", D("160.2405"), "currency", (Wallet("spot", "main", D("1.34")),)),
    ]


@pytest.mark.parametrize(
    ("ledger_id", "asset", "amount", "fee", "balance"),
    [
        ("DATKX6-PEHL1-HZKND8", "USD", "-19.9743", "0.0499", "118.0677"),
        ("9K6IR4-X9PQJ-OMBG73", "ADX", "111.0857412800", "0.0000000000", "147.1906006900"),
    ],
)
def test_a_ledger_record_is_read_to_the_last_digit(ledger_id, asset, amount, fee, balance):
    text = (
        f'{{"ledger_id":"{ledger_id}","ref_id":"LKAKN2-N0N12-VKQNLN","timestamp":"2024-05-24T14:01:53.526524Z",'
        f'"type":"trade","asset":"{asset}","asset_class":"currency","category":"trade","wallet_type":"spot",'
        f'"wallet_id":"main","amount":{amount},"fee":{fee},"balance":{balance}}}'
    )
    change = spot_v2_account.ledger_change(record(text))
    assert change == LedgerChange(
        ledger_id=ledger_id,
        ref_id="LKAKN2-N0N12-VKQNLN",
        timestamp=datetime(2024, 5, 24, 14, 1, 53, 526524, UTC),
        type="trade",
        category="trade",
        asset=asset,
        wallet_type="spot",
        wallet_id="main",
        amount=D(amount),
        fee=D(fee),
        balance=D(balance),
    )
    assert str(change.balance) == balance


BARE = {"order_id": "O1", "exec_type": "new", "order_status": "new", "timestamp": "2024-01-01T00:00:00Z"}


def test_older_servers_that_know_no_triggers_are_understood_too():
    """`stop_price`, `trigger` and `cancel_reason` are the deprecated twins (section 5.2); they never beat the new."""
    twins = {"stop_price": D("0.2"), "trigger": "index", "cancel_reason": "Post only order"}
    old = spot_v2_account.execution({**BARE, **twins})
    assert old.changes == {"trigger": Trigger(price=D("0.2"), reference="index")}
    assert old.reason == "Post only order"

    new = spot_v2_account.execution({**BARE, **twins, "triggers": {"price": D("0.3")}, "reason": "User requested"})
    assert new.changes == {"trigger": Trigger(price=D("0.3"))}
    assert new.reason == "User requested"


def test_a_closing_order_and_the_peaks_of_a_trailing_stop_are_read():
    changes = spot_v2_account.execution({
        **BARE,
        "contingent": {"order_type": "stop-loss-limit", "trigger_price": D(1), "trigger_price_type": "pct",
                       "limit_price": D(2), "limit_price_type": "quote"},
        "triggers": {"price": D(3), "actual_price": D(4), "peak_price": D(5), "last_price": D(6),
                     "status": "triggered"},
    }).changes  # fmt: skip
    assert changes == {
        "contingent": Contingent("stop-loss-limit", D(1), "pct", D(2), "quote"),
        "trigger": Trigger(D(3), None, None, "triggered", D(4), D(5), D(6)),
    }


@pytest.mark.parametrize("name", ["ratecount", "ratecounter", "rate_count"])
def test_the_rate_counter_is_read_under_each_name_it_may_have(name):
    """Its name is not documented for v2 (section 5.2)."""
    fields = {**BARE, name: D("12.5")}
    assert spot_v2_account.execution(fields).rate_count == D("12.5")
    assert spot_v2_account.surprise(fields) is None


@pytest.mark.parametrize(
    ("fields", "surprise"),
    [
        ({"zeta": 1, "alpha": 2}, "executions has unknown field alpha, zeta"),
        ({"exec_type": "liquidated"}, "executions has unknown exec_type 'liquidated'"),
        ({"order_status": "triggered"}, "executions has unknown order_status 'triggered'"),
    ],
)
def test_new_words_and_fields_are_named_and_the_record_is_used_all_the_same(fields, surprise):
    assert spot_v2_account.surprise(BARE | fields) == surprise
    assert spot_v2_account.execution(BARE | fields).order_id == "O1"


@pytest.mark.parametrize("name", ["order_id", "exec_type", "order_status"])
@pytest.mark.parametrize("value", [None, "", 5, []])
def test_a_report_that_does_not_say_what_happened_to_which_order_is_malformed(name, value):
    with pytest.raises(Malformed, match=f"field {name}="):
        spot_v2_account.execution(BARE | {name: value})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(max_size=9)
    | st.sampled_from(["2024-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "2024-02-30T00:00:00Z", "10000-01-01"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
OBJECTS = {
    "triggers": ("price", "price_type", "reference", "status", "actual_price"),
    "contingent": ("order_type", "trigger_price", "limit_price_type"),
}


def with_names(*names):
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, JSON))


RECORDS = st.fixed_dictionaries(
    {"order_id": st.just("O1") | JSON, "exec_type": st.just("new") | JSON, "order_status": st.just("new") | JSON},
    optional=dict.fromkeys(sorted(spot_v2_account._KNOWN - {"order_id", "exec_type", "order_status"}), JSON)
    | {name: with_names(*fields) | JSON for name, fields in OBJECTS.items()}
    | {"fees": st.lists(with_names("asset", "qty") | JSON, max_size=2)},
)


def read_or_complaint(read, fields):
    """What was read, or the text of the `Malformed`; anything else that is raised fails the test."""
    try:
        return read(fields)
    except Malformed as error:
        return str(error)


@given(RECORDS)
def test_whatever_an_execution_holds_it_is_read_or_malformed(fields):
    """Nothing else is ever raised: the router contains `Malformed`, and goes on with the next record."""
    match read_or_complaint(spot_v2_account.execution, fields):
        case str(complaint):
            assert complaint.startswith("field ")
        case report:
            assert report.order_id == fields["order_id"]
            spot_v2_account.surprise(fields)


BALANCE = with_names("asset", "asset_class", "balance") | st.fixed_dictionaries(
    {"asset": st.just("USD"), "balance": st.just(D(1)), "wallets": st.lists(with_names("type", "id", "balance") | JSON)}
)
LEDGER = st.fixed_dictionaries(
    {"ledger_id": st.just("L1") | JSON, "asset": st.just("USD") | JSON, "amount": st.just(D(1)) | JSON},
    optional=dict.fromkeys(
        ("ref_id", "timestamp", "type", "subtype", "category", "asset_class", "wallet_type", "wallet_id", "fee",
         "balance"), JSON),
)  # fmt: skip


@given(BALANCE, LEDGER)
def test_whatever_a_balance_or_a_ledger_record_holds_it_is_read_or_malformed(held, change):
    for read, fields in ((spot_v2_account.balance, held), (spot_v2_account.ledger_change, change)):
        match read_or_complaint(read, fields):
            case str(complaint):
                assert complaint.startswith("field ")
            case value:
                assert value.asset == fields["asset"]


@given(st.text(max_size=40) | st.datetimes().map(str))
def test_any_text_for_a_time_is_a_time_with_a_zone_or_malformed(text):
    match read_or_complaint(spot_v2_account.execution, BARE | {"timestamp": text}):
        case str(complaint):
            assert complaint == f"field timestamp={text!r} is not a time"
        case report:
            assert report.timestamp.tzinfo is not None
