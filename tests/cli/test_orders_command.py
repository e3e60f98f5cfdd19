"""`rxkraken order`: shown, confirmed, sent once; each outcome has its own exit code, line and record."""

from __future__ import annotations

import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from rxkraken import KrakenClient
from rxkraken.cli import orders
from rxkraken.cli.context import Options

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Venue

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX")

RESTING = "order add BTC/USD buy limit --qty 0.01 --price 25000 --cl-ord-id {} --yes"


def records(out: str) -> list[dict[str, Any]]:
    """The lines of JSON."""
    return [json.loads(line) for line in out.splitlines()]


def methods(venue: Venue) -> list[str]:
    """What reached the exchange."""
    return [request.method for request in venue.simulator.received]


@pytest.mark.parametrize(
    ("command", "method"),
    [
        (orders.add, KrakenClient.add_order),
        (orders.amend, KrakenClient.amend_order),
        (orders.edit, KrakenClient.edit_order),
        (orders.batch, KrakenClient.batch_add),
    ],
)
def test_every_parameter_of_the_method_is_an_option(command: Any, method: Any) -> None:
    """The command has nothing less than Python has; the orders of a batch are in its file."""
    wanted = set(inspect.signature(method).parameters) - {"self", "orders"}
    assert wanted <= set(inspect.signature(command).parameters)


def test_an_order_is_placed_amended_replaced_and_cancelled(venue: Venue) -> None:
    """One account through a whole life, with a line of JSON for each step."""
    code, out, err = venue.run(RESTING.format("mine-1"))
    (placed,) = records(out)
    assert (code, err) == (0, "")
    assert placed == {
        "type": "add_order", "outcome": "accepted", "order_id": placed["order_id"], "cl_ord_id": "mine-1",
        "warnings": [],
    }  # fmt: skip
    code, out, _ = venue.run("order amend --cl-ord-id mine-1 --price 25100 --yes")
    assert (code, records(out)[0]["type"]) == (0, "amend_order")
    code, out, _ = venue.run(f"order edit {placed['order_id']} xbtusd --qty 0.02 --price 25200 --yes")
    (replaced,) = records(out)
    assert (code, replaced["original_order_id"]) == (0, placed["order_id"])
    code, out, _ = venue.run(f"order cancel {replaced['order_id']} --yes")
    assert (code, records(out)[0]["orders"][0]["order_id"]) == (0, replaced["order_id"])
    assert methods(venue) == ["add_order", "amend_order", "edit_order", "cancel_order"]
    code, out, _ = venue.run("order cancel-all --yes")
    assert (code, records(out)[0]["count"]) == (0, 0)


def test_numbers_and_options_reach_the_exchange_as_they_were_typed(venue: Venue) -> None:
    line = (
        "order add BTC/USD sell stop-loss-limit --qty 0.010 --trigger-price 20000.0 --trigger-reference last "
        "--price 19999.5 --time-in-force gtc --stp-type cancel_both --fee-preference quote "
        "--post-only --sender-sub-id desk-7 --deadline 3 --order-userref 42 --validate --yes"
    )
    code, out, err = venue.run(line)
    assert (code, err) == (0, ""), out
    assert records(out)[0]["order_id"] == ""
    (request,) = venue.simulator.received
    assert {name: str(value) for name, value in request.params.items() if name != "deadline"} == {
        "symbol": "BTC/USD", "side": "sell", "order_type": "stop-loss-limit", "order_qty": "0.010",
        "limit_price": "19999.5", "triggers": str(request.params["triggers"]), "time_in_force": "gtc",
        "stp_type": "cancel_both", "fee_preference": "quote",
        "sender_sub_id": "desk-7", "order_userref": "42", "post_only": "True", "validate": "True",
    }  # fmt: skip


def test_without_a_terminal_nothing_is_sent_unasked(venue: Venue) -> None:
    for line in ("order add BTC/USD buy limit --qty 0.01 --price 25000", "order cancel-all", "order cancel O1"):
        code, out, err = venue.run(line)
        assert (code, out) == (2, "")
        assert re.fullmatch(r"rxkraken: \w+ is confirmed at a terminal, and there is none; give --yes .*\n", err)
    assert methods(venue) == []


def test_a_check_is_told_as_one_and_places_nothing(venue: Venue) -> None:
    code, out, _ = venue.run("order add BTC/USD buy limit --qty 0.01 --price 25000 --validate --yes")
    (told,) = records(out)
    assert (code, told["outcome"], told["order_id"]) == (0, "valid", "")


def test_a_refusal_is_exit_code_3_in_kraken_s_words(venue: Venue) -> None:
    code, out, err = venue.run("order add BTC/USD buy limit --qty 1000 --price 25000 --yes")
    (told,) = records(out)
    assert (code, told["outcome"], told["error"], told["category"]) == (
        3, "rejected", "EOrder:Insufficient funds", "funds",
    )  # fmt: skip
    assert err == "rxkraken: rejected by Kraken: EOrder:Insufficient funds; nothing was placed or changed\n"
    code, out, _ = venue.run("order cancel OABCDE-ABCDE-ABCDEF --yes")
    assert (code, records(out)[0]["category"]) == (3, "unknown_order")


def test_an_unknown_outcome_is_looked_up_and_becomes_a_result(venue: Venue) -> None:
    """The order is carried out, and its answer lost with the connection: exit code 0, and no second order."""
    venue.fault("cut_after", method="add_order")
    code, out, err = venue.run(RESTING.format("mine-2"))
    (told,) = records(out)
    assert (code, told["outcome"], told["cl_ord_id"]) == (0, "accepted", "mine-2")
    assert "looking for it" in err
    assert methods(venue) == ["add_order"]


def test_what_nothing_can_find_out_is_exit_code_4(venue: Venue) -> None:
    """`cancel_all` names no order: there is nothing to look for."""
    venue.fault("cut_after", method="cancel_all")
    code, out, err = venue.run("order cancel-all --yes")
    assert (code, records(out)[0]["outcome"]) == (4, "unknown")
    assert err.splitlines()[-1].startswith("rxkraken: outcome unknown: ")
    assert methods(venue) == ["cancel_all"]


def test_what_never_left_is_exit_code_5(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing listens where orders go."""
    monkeypatch.setattr(type(venue), "base", f"{venue.base},auth=ws://127.0.0.1:9/auth/v2")
    code, out, err = venue.run(RESTING.format("mine-3"))
    (told,) = records(out)
    assert (code, told["outcome"], told["cl_ord_ids"]) == (5, "not_sent", ["mine-3"])
    assert err.startswith("rxkraken: nothing took effect: ")
    assert methods(venue) == []


def test_waiting_for_the_fill_prints_each_state_to_the_last(venue: Venue) -> None:
    code, out, err = venue.run("order add BTC/USD buy market --qty 0.01 --wait fill --yes")
    ack, *states = records(out)
    assert (code, err, ack["type"]) == (0, "", "add_order")
    assert {state["type"] for state in states} == {"order"}
    assert (states[-1]["status"], states[-1]["cum_qty"]) == ("filled", 0.01)


def test_an_order_that_is_not_filled_in_time_stays_and_is_exit_code_6(venue: Venue) -> None:
    code, out, err = venue.run(RESTING.format("mine-4") + " --wait fill --within 0.3")
    order_id = records(out)[0]["order_id"]
    assert (code, err) == (6, f"rxkraken: not filled within 0.3 s; it is still open: order {order_id}\n")
    code, _, _ = venue.run(f"order cancel {order_id} --yes")
    assert code == 0


def test_an_order_that_is_cancelled_instead_of_filled_is_exit_code_6(venue: Venue) -> None:
    """A fill-or-kill order far from the market ends at once."""
    line = "order add BTC/USD buy limit --qty 0.01 --price 25000 --time-in-force fok --wait fill --yes"
    code, out, err = venue.run(line)
    assert (code, records(out)[-1]["status"]) == (6, "canceled")
    assert err.startswith("rxkraken: the order is canceled and not filled")


@pytest.mark.parametrize("layout", ["lines", "array"])
def test_a_batch_is_read_from_a_file_and_each_order_has_its_fate(venue: Venue, tmp_path: Path, layout: str) -> None:
    rows = [
        f'{{"side": "buy", "order_type": "limit", "qty": {qty}, "price": 25000.10, "cl_ord_id": "rung-{place}"}}'
        for place, qty in enumerate(("0.010", "1000"))
    ]
    file = tmp_path / "orders.json"
    file.write_text("\n\n".join(rows) if layout == "lines" else f" [{','.join(rows)}]")
    code, out, err = venue.run(f"order batch BTC/USD {file} --yes")
    (told,) = records(out)
    assert [row.get("error") for row in told["orders"]] == [None, "EOrder:Insufficient funds"]
    assert (code, err) == (3, "rxkraken: rejected by Kraken: 1 of 2 orders; first EOrder:Insufficient funds\n")
    sent = venue.simulator.received[0].params["orders"]
    assert [str(row["order_qty"]) for row in sent] == ["0.010", "1000"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no orders"),
        ("[1]", "order 1 is no order"),
        ('{"side": "buy"}\nnot json', "line 2 is not JSON"),
        ("[{", "is not JSON"),
        ('{"side":"buy","order_type":"limit","qty":1,"price":2}', "a batch of 1 orders; a batch has 2 to 15"),
        ('{"symbol":"BTC/USD"}\n{}', "orders[0]: symbol belongs to the whole batch"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_no_batch_is_exit_code_2(venue: Venue, tmp_path: Path, text: str | None, message: str) -> None:
    file = tmp_path / "orders"
    if text is not None:
        file.write_text(text)
    code, out, err = venue.run(f"order batch BTC/USD {file} --yes")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("add BTC/USD buy limit --qty x --price 1", "--qty 'x' is no number"),
        ("add BTC/USD buy limits --qty 1 --price 1", "did you mean 'limit'?"),
        ("add BTC/USD hold limit", "hold"),
        ("add NOPE buy limit --qty 1 --price 1", "unknown symbol 'NOPE'"),
        ("add BTC/USD buy limit --qty 1 --price 1 --extra [1]", "is no JSON object"),
        ("add BTC/USD buy limit --qty 1 --price 1 --triggers {", "is not JSON"),
        ("add BTC/USD buy limit --qty 1 --price 1 --validate --wait fill", "leave one of them out"),
        ("amend --price 1", "name the order by one of them"),
        ("cancel", "names no order"),
        ("cancel --batch O1", "name 2 to 50"),
        ("fly", "No such command"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2_and_nothing_is_sent(venue: Venue, line: str, message: str) -> None:
    code, out, err = venue.run(f"order {line}" if line == "fly" else f"order {line} --yes")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert methods(venue) == []


def test_an_order_beside_the_increments_is_refused_or_moved(venue: Venue) -> None:
    line = "order add BTC/USD buy limit --qty 0.01 --price 25000.123 --yes"
    code, out, err = venue.run(line)
    assert (code, records(out)[0]["outcome"]) == (2, "invalid")
    assert "nearest are 25000.1 and 25000.2" in err
    code, _, _ = venue.run(line + " --rounding down")
    assert (code, str(venue.simulator.received[-1].params["limit_price"])) == (0, "25000.1")


def test_several_orders_are_cancelled_one_by_one_or_in_a_batch(venue: Venue) -> None:
    """Exit code 3 says that one of them was not, and which."""
    for name in ("a-1", "a-2", "a-3"):
        assert venue.run(RESTING.format(name))[0] == 0
    code, out, _ = venue.run("order cancel --batch --cl-ord-id a-1 --cl-ord-id a-2 --yes")
    assert (code, records(out)[0]["count"]) == (0, 2)
    code, out, err = venue.run("order cancel --cl-ord-id a-3 --cl-ord-id a-1 --yes")
    assert (code, [row.get("error") for row in records(out)[0]["orders"]].count("EOrder:Unknown order")) == (3, 1)
    assert "1 of 2 cancels" in err


@pytest.mark.parametrize(
    ("command", "count"),
    [("", 2), ("add", 4), ("amend", 2), ("edit", 1), ("cancel", 2), ("cancel-all", 2), ("batch", 2)],
)
def test_every_example_of_the_help_runs(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, count: int
) -> None:
    """In order, unasked; ids of the examples are those of orders that are there."""
    monkeypatch.chdir(tmp_path)
    rows = [f'{{"side":"buy","order_type":"limit","qty":"0.01","price":"{price}"}}' for price in (25000, 24900)]
    (tmp_path / "orders.ndjson").write_text("\n".join(rows))
    examples = re.findall(r"^ +(rxkraken order .+?) *$", venue.run(f"order {command} --help")[1], re.MULTILINE)
    assert len(examples) == count
    for example in examples:
        code, out, err = venue.run(prepared(venue, example.removeprefix("rxkraken ")))
        assert (code, err) == (0, ""), example
        assert records(out), example


def prepared(venue: Venue, example: str) -> str:
    """The same line with a real order where it names one, and unasked; a redirection becomes the file's name."""
    venue.run("order cancel-all --yes")
    for own in re.findall(r"--cl-ord-id (\S+)", example):
        venue.run(RESTING.format(own))
    if "OLP4KD-DFLZW-AQIRZ4" in example:
        order_id = records(venue.run(RESTING.format("example"))[1])[0]["order_id"]
        example = example.replace("OLP4KD-DFLZW-AQIRZ4", order_id)
    example = example.replace("- --yes < orders.ndjson", "orders.ndjson --yes")
    return example if "--yes" in example else f"{example} --yes"


def test_standard_input_is_read_for_a_batch(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"side": "buy", "order_type": "limit", "qty": "0.01", "price": price} for price in ("25000", "24900")]
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(rows)))
    code, out, err = venue.run("order batch BTC/USD - --yes")
    assert (code, err, len(records(out)[0]["orders"])) == (0, "", 2)


def test_beside_json_there_is_a_line_for_people(venue: Venue, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a terminal shows."""
    monkeypatch.setattr(Options, "as_json", property(lambda self: self.json))
    _, placed, _ = venue.run(RESTING.format("mine-5"))
    order_id = placed.removeprefix("placed: order ").partition(",")[0]
    assert placed == f"placed: order {order_id}, cl_ord_id mine-5\n"
    assert venue.run("order amend --cl-ord-id mine-5 --price 25100 --yes")[1].startswith("amended: order mine-5, ")
    _, replaced, _ = venue.run(f"order edit {order_id} BTC/USD --qty 0.02 --price 25200 --yes")
    assert replaced.startswith(f"replaced: order {order_id} is now order O")
    assert venue.run("order cancel --cl-ord-id mine-5 --yes")[0] == 3
    assert venue.run("order cancel-all --yes")[1] == "cancelled: 1 order\n"
    assert venue.run("order add BTC/USD buy limit --qty 0.01 --price 25000 --validate --yes")[1].startswith("valid: ")
    *_, last = venue.run("order add BTC/USD buy market --qty 0.01 --wait fill --yes")[1].splitlines()
    assert re.fullmatch(r"filled: order \S+, filled 0\.01000000 of 0\.01000000 at [\d.]+, fee [\d.]+ USD", last)
    (tmp_path / "orders").write_text(
        "\n".join(
            f'{{"side":"buy","order_type":"limit","qty":{qty},"price":25000,"cl_ord_id":"b-{qty}"}}'
            for qty in (1, 1000)
        )
    )
    code, out, _ = venue.run(f"order batch BTC/USD {tmp_path / 'orders'} --yes")
    assert code == 3
    assert re.fullmatch(
        r"1  placed: order \S+, cl_ord_id b-1\n2  rejected: EOrder:Insufficient funds, cl_ord_id b-1000\n", out
    )
    assert json.loads(venue.run("order cancel-all --json --yes")[1])["count"] == 1


CTRL_C = b"\x03"


def at_a_terminal(venue: Venue, line: str, typed: bytes) -> tuple[int, str]:
    """Run a command on a pseudo-terminal and type this when it asks; its exit code and all it wrote there."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rxkraken.cli", "--endpoints", venue.base, *line.split()]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        said = b""
        asked = False
        try:
            while chunk := os.read(ours, 65536):
                said += chunk
                if not asked and b"[y/N]" in said:
                    asked = True
                    process.send_signal(signal.SIGINT) if typed == CTRL_C else os.write(ours, typed)
        except OSError:
            pass  # this is how Linux says that the other end is closed
        finally:
            os.close(ours)
        return process.wait(30), said.decode().replace("\r\n", "\n")


QUESTION = "order add BTC/USD buy limit --qty 0.01 --price 25000.123 --rounding down --cl-ord-id mine-6"


def test_at_a_terminal_the_request_is_shown_with_its_place_and_sent_on_y(venue: Venue) -> None:
    """The numbers are those that are sent: the market's rules are known before the question."""
    code, said = at_a_terminal(venue, QUESTION, b"y\n")
    assert code == 0, said
    shown, _, rest = said.partition("Send it? [y/N] ")
    assert shown.startswith(f"add_order to {venue.simulator.endpoints.auth}\n{{\n")
    assert '"limit_price": 25000.1,' in shown
    assert '"cl_ord_id": "mine-6",' in shown
    assert "token" not in shown
    assert re.search(r"placed: order \S+, cl_ord_id mine-6", rest)
    assert methods(venue) == ["add_order"]


@pytest.mark.parametrize(
    ("typed", "code", "message"),
    [
        (b"n\n", 1, "not confirmed; nothing was sent"),
        (b"\n", 1, "not confirmed; nothing was sent"),
        (b"\x04", 1, "not confirmed; nothing was sent"),
        (CTRL_C, 130, "interrupted; nothing was sent"),
    ],
)
def test_any_other_answer_sends_nothing(venue: Venue, typed: bytes, code: int, message: str) -> None:
    """No, nothing at all, the end of the input, Ctrl-C."""
    got, said = at_a_terminal(venue, QUESTION, typed)
    assert (got, "Traceback" in said) == (code, False)
    assert message in said.splitlines()[-1]
    assert methods(venue) == []


def test_ctrl_c_while_waiting_for_the_fill_says_what_stays(venue: Venue) -> None:
    command = [sys.executable, "-m", "rxkraken.cli", "--endpoints", venue.base]
    command += [*RESTING.format("mine-7").split(), "--wait", "fill"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        placed = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    order_id = placed["order_id"]
    assert (process.returncode, err) == (
        130, f"rxkraken: interrupted; add_order may have been sent, and stands if Kraken took it: order {order_id}\n",
    )  # fmt: skip
    assert [order.order_id for order in venue.simulator.accounts["demo"].open_orders] == [order_id]
