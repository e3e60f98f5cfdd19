"""`rxkraken rest`: any call, exact numbers out, secrets hidden, changes confirmed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from rxkraken.cli import rest as rest_command
from rxkraken.cli.exits import Ended
from rxkraken.cli.rest_text import line, page, parameters
from rxkraken.errors import InvalidArgument

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Venue


OPEN_ORDERS = "the open orders are listed by: rxkraken rest POST OpenOrders"


def test_parameters_are_text_lists_and_json_with_every_digit() -> None:
    given = parameters(["pair=XBTUSD", "a=x=y", "price:=0.10", "txid=A", "txid=B", 'o:=[{"v":1.20}]', "empty="])
    assert given == {
        "pair": "XBTUSD", "a": "x=y", "price": Decimal("0.10"), "txid": ["A", "B"], "o": [{"v": Decimal("1.20")}],
        "empty": "",
    }  # fmt: skip
    assert str(given["price"]) == "0.10"


@pytest.mark.parametrize("word", ["pair", "=x", ":=1", "a:={", "a:=NaN"])
def test_what_is_no_parameter_is_named(word: str) -> None:
    with pytest.raises(InvalidArgument, match=r"write|is not JSON"):
        parameters([word])


def test_both_spellings_of_an_answer_keep_every_digit() -> None:
    """On a terminal it is laid out, in a pipe it is one line; read back they are the same."""
    value = {"a": [["84252.90000", Decimal("0.10")], []], "n": 10**20, "none": None, "deep": {"x": {}, "é": True}}
    for text in (line(value), page(value)):
        assert '"84252.90000",0.10' in text.replace(", ", ",").replace("\n", "")
        assert json.loads(text, parse_float=Decimal) == value
    assert "\n" not in line(value)
    assert page(value).splitlines()[0] == "{"


def test_public_and_private_calls_print_kraken_s_result(venue: Venue) -> None:
    code, out, err = venue.run("rest GET Ticker pair=XBTUSD")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert list(json.loads(out)) == ["XXBTZUSD"]
    code, out, _ = venue.run("rest post Balance")
    assert (code, json.loads(out)["ZUSD"]) == (0, "1000000.0000")
    code, out, _ = venue.run("rest POST GetApiKeyInfo")
    assert code == 0
    assert "withdraw-funds" in json.loads(out)["permissions"]


def test_every_example_of_the_help_runs(venue: Venue) -> None:
    """As it stands there, but for the order's id, which is the one of a real order."""
    placed = json.loads(venue.run("order add BTC/USD buy limit --qty 0.01 --price 25000 --yes")[1])
    examples = [
        text.strip() for text in venue.run("rest --help")[1].splitlines() if text.startswith("   rxkraken rest")
    ]
    assert len(examples) == 6
    for example in examples:
        shown = example.removeprefix("rxkraken ").replace("OLP4KD-DFLZW-AQIRZ4", placed["order_id"])
        code, out, err = venue.run(shown)
        assert (code, err) == (0, ""), example
        assert json.loads(out), example


def test_a_token_is_not_shown(venue: Venue) -> None:
    code, out, err = venue.run("rest POST GetWebSocketsToken")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"token": "(hidden; `rxkraken token --show` prints one)", "expires": 900}


def test_an_answer_goes_to_a_file_when_told(venue: Venue, tmp_path: Path) -> None:
    code, out, _ = venue.run(f"rest GET Time -o {tmp_path / 'time.json'}")
    assert (code, out) == (0, "")
    assert set(json.loads((tmp_path / "time.json").read_text())) == {"unixtime", "rfc1123"}


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        (
            "GET Ticker pair=NOPE",
            1,
            "EQuery:Unknown asset pair (pair=NOPE); the markets are listed by: rxkraken instruments",
        ),
        (
            "POST QueryOrders txid=OLP4KD-DFLZW-AQIRZ4",
            1,
            f"EOrder:Unknown order (txid=OLP4KD-DFLZW-AQIRZ4); {OPEN_ORDERS}",
        ),
        (
            "POST CancelOrder txid=O1 --yes",
            3,
            f"rejected by Kraken: EOrder:Unknown order (txid=O1); {OPEN_ORDERS}; nothing was placed or changed",
        ),
        ("GET Tickers", 1, "EGeneral:Unknown method (Tickers)"),
    ],
)
def test_what_kraken_does_not_know_is_named_with_where_to_look(venue: Venue, line: str, code: int, says: str) -> None:
    """Kraken's own words name neither the value nor a remedy."""
    assert venue.run(f"rest {line}") == (code, "", f"rxkraken: {says}\n")


def test_parameters_that_a_call_has_not_are_passed_on(venue: Venue) -> None:
    """Any call can be made, those that are newer than this version too: Kraken ignores what it does not know."""
    assert venue.run("rest GET Ticker pair=XBTUSD nosuch=1")[0] == 0
    assert "those that a call does not have Kraken ignores" in " ".join(venue.run("rest --help")[1].split())


def test_what_changes_something_is_not_sent_unasked(venue: Venue) -> None:
    order = "rest POST AddOrder pair=XBTUSD type=buy ordertype=limit price=25000 volume=0.01"
    code, out, err = venue.run(order)
    assert (code, out) == (2, "")
    assert "give --yes" in err
    assert venue.simulator.received == []
    code, out, _ = venue.run(order + " --yes")
    assert code == 0
    assert json.loads(out)["descr"]["order"] == "buy 0.01000000 XBTUSD @ limit 25000.0"
    assert [request.method for request in venue.simulator.received] == ["add_order"]


def test_nested_parameters_travel_as_json(venue: Venue) -> None:
    """A batch needs lists of objects, which no form can carry."""
    rows = [
        {"ordertype": "limit", "type": "buy", "price": price, "volume": "0.01", "cl_ord_id": f"rung-{price}"}
        for price in ("25000", "24900")
    ]
    code, out, err = venue.run(f"rest POST AddOrderBatch pair=XBTUSD 'orders:={json.dumps(rows)}' --yes")
    assert (code, err) == (0, "")
    assert all("txid" in row for row in json.loads(out)["orders"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("GET Ticker pair=NOPE", 1, "EQuery:Unknown asset pair"),
        ("GET Balance", 2, "private call, and those are POST"),
        ("GET Nonsense", 1, "EGeneral:Unknown method"),
        ("GET Ti/me!", 2, "is not the name of a call"),
        ("GET Time x", 2, "write key=value"),
        ("PUT Time", 2, "PUT"),
        ("POST Balance nonce=1", 2, "leave nonce out"),
        ("POST RetrieveExport", 2, "id=VSKC"),
        ("POST AddOrder pair=XBTUSD volume=1 --yes", 3, "rejected by Kraken: EGeneral:Invalid arguments"),
    ],
)
def test_each_failure_is_one_line_with_its_code(venue: Venue, arguments: str, code: int, message: str) -> None:
    got, out, err = venue.run(f"rest {arguments}")
    assert (got, out, err.count("\n")) == (code, "", 1)
    assert message in err


def test_an_order_whose_answer_is_lost_is_unknown(venue: Venue) -> None:
    venue.fault("rest_cut", call="AddOrder", effect=True)
    code, out, err = venue.run("rest POST AddOrder pair=XBTUSD type=buy ordertype=limit price=25000 volume=0.01 --yes")
    assert (code, out) == (4, "")
    assert err.startswith("rxkraken: outcome unknown: AddOrder was sent")
    assert len(venue.simulator.received) == 1


def test_a_private_call_without_a_key_says_where_to_put_one(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KRAKEN_API_KEY")
    monkeypatch.delenv("KRAKEN_API_SECRET")
    code, out, err = venue.run("rest POST Balance")
    assert (code, out) == (2, "")
    assert "--credentials FILE" in err
    code, _, _ = venue.run("rest GET Time")
    assert code == 0


def test_no_secret_is_ever_printed(venue: Venue) -> None:
    """Not by an answer, not by an error, not by what --verbose tells."""
    secret: Any = venue.simulator.accounts["demo"].keys[0].secret
    said = "".join(
        "".join(map(str, venue.run(text)))
        for text in ("--verbose rest POST Balance", "--verbose rest POST QueryOrders txid=x", "rest POST GetApiKeyInfo")
    )
    assert secret not in said


def test_ctrl_c_during_a_change_says_that_it_may_have_been_sent(venue: Venue) -> None:
    """Who reads may go; who changed something must look."""
    venue.fault("rest_slow", call="CancelAll", seconds=1)
    command = [sys.executable, "-m", "rxkraken.cli", "--endpoints", venue.base, "rest", "POST", "CancelAll", "--yes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not venue.simulator.received and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "rxkraken: interrupted; CancelAll may have been sent: look at the account\n"


def test_a_report_is_bytes_for_a_file_and_not_for_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """An archive in a pipe is whole; on a terminal it would be noise."""
    archive = b"PK\x03\x04\xff\x00"
    rest_command._write(archive, tmp_path / "report.zip", as_json=True)
    assert (tmp_path / "report.zip").read_bytes() == archive
    rest_command._write(archive, None, as_json=True)
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == archive
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(Ended, match="give --output FILE"):
        rest_command._write(archive, None, as_json=False)
