"""`rxkraken doctor`: a verdict and a remedy for everything, in limited time; exit code 1 if something fails."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from rxkraken import Endpoints
from rxkraken.cli import doctor_checks, doctor_hosts
from rxkraken.cli.context import Options
from rxkraken.cli.doctor_hosts import Host, hosts_of, look_at
from rxkraken.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Venue


def verdicts(out: str) -> dict[str, str]:
    """Each check's verdict."""
    return {record["check"]: record["verdict"] for record in records(out)}


def records(out: str) -> list[dict[str, Any]]:
    """The lines of JSON."""
    return [json.loads(line) for line in out.splitlines()]


def of(out: str, check: str) -> dict[str, Any]:
    """The line about one check."""
    return next(record for record in records(out) if record["check"] == check)


def use_key(venue: Venue, monkeypatch: pytest.MonkeyPatch, *permissions: str) -> None:
    """Put a key with these permissions into the environment."""
    venue.do(lambda: venue.simulator.exchange.add_key("demo", permissions=permissions))
    key = venue.simulator.accounts["demo"].keys[-1]
    monkeypatch.setenv("KRAKEN_API_KEY", key.key)
    monkeypatch.setenv("KRAKEN_API_SECRET", key.secret)


TRADING = (
    "query_funds", "query_open_orders", "query_closed_orders", "modify_orders", "cancel_orders", "websockets",
)  # fmt: skip


def test_everything_passes_where_everything_works(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    use_key(venue, monkeypatch, *TRADING)
    code, out, err = venue.run("doctor")
    assert (code, err) == (0, "")
    checked = verdicts(out)
    assert set(checked.values()) == {"pass"}
    assert [name for name in checked if "127.0.0.1" not in name] == [
        "clock", "key", "nonce", "permissions", "token", "public socket", "auth socket", "rate tier", "l3 socket",
    ]  # fmt: skip
    assert of(out, "rate tier")["text"].startswith("pro: ")


def test_every_example_of_the_help_runs(venue: Venue) -> None:
    lines = venue.run("doctor --help")[1].splitlines()
    examples = [text.strip().removeprefix("rxkraken ") for text in lines if text.startswith("   rxkraken ")]
    assert examples == ["doctor", "--json doctor --within 10", "--endpoints beta doctor"]
    assert [venue.run(example.replace("--endpoints beta ", ""))[0] for example in examples] == [0, 0, 0]


def test_a_wrong_secret_fails_with_its_remedy_and_no_secret_is_printed(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "c2VjcmV0" * 11
    monkeypatch.setenv("KRAKEN_API_SECRET", wrong)
    code, out, err = venue.run("--verbose doctor --within 2")
    found = of(out, "key")
    assert (code, found["verdict"]) == (1, "fail")
    assert "EAPI:Invalid signature" in found["text"]
    assert "check that key and secret belong together" in found["remedy"]
    assert verdicts(out)["public socket"] == "pass"
    assert err.splitlines()[-1].endswith("checks failed")
    assert wrong not in out + err


def test_a_missing_permission_says_what_does_not_work_without_it(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only reading is a choice, and a warning; without WebSockets hardly anything of this library works."""
    use_key(venue, monkeypatch, "query_funds", "query_open_orders", "websockets")
    code, out, err = venue.run("doctor")
    assert (code, err) == (0, "")
    found = of(out, "permission modify-orders")
    assert (found["verdict"], found["text"]) == ("warn", "missing: no placing and changing orders")
    assert "API settings" in found["remedy"]

    use_key(venue, monkeypatch, "query_funds", "query_open_orders")
    code, out, _ = venue.run("doctor --within 1")
    checked = verdicts(out)
    assert (code, checked["permission websockets"], checked["token"], checked["auth socket"]) == (
        1, "fail", "fail", "fail",
    )  # fmt: skip


def test_a_key_that_may_withdraw_is_warned_of(venue: Venue) -> None:
    code, out, _ = venue.run("doctor")
    assert (code, of(out, "permission withdraw-funds")["verdict"]) == (0, "warn")


@pytest.mark.parametrize(
    ("seconds", "verdict", "word"), [(0.0, "pass", ""), (3.0, "warn", "ahead"), (-60.0, "fail", "behind")]
)
def test_a_clock_that_is_off_is_measured(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, seconds: float, verdict: str, word: str
) -> None:
    """The clock of the machine is moved, for the doctor only."""

    class Clock:
        @staticmethod
        def time() -> float:
            return time.time() + seconds

    monkeypatch.setattr(doctor_checks, "time", Clock)
    code, out, _ = venue.run("doctor")
    found = of(out, "clock")
    assert (found["verdict"], code) == (verdict, 1 if verdict == "fail" else 0)
    assert word in found["text"]
    assert ("set-ntp" in found["remedy"]) == (verdict != "pass")


def test_a_nonce_that_another_program_outran_is_told_apart_from_a_wrong_key(venue: Venue) -> None:
    venue.do(lambda: setattr(venue.simulator.accounts["demo"].keys[0], "last_nonce", 2**64 - 1))
    code, out, _ = venue.run("doctor --within 1")
    checked = verdicts(out)
    assert (code, checked["key"], checked["nonce"]) == (1, "pass", "fail")
    assert "make one key for each program" in of(out, "nonce")["remedy"]


def test_without_a_key_what_is_public_is_checked(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KRAKEN_API_KEY")
    monkeypatch.delenv("KRAKEN_API_SECRET")
    code, out, err = venue.run("doctor")
    assert (code, err) == (0, "")
    assert (verdicts(out)["public socket"], verdicts(out)["key"]) == ("pass", "warn")
    assert "--credentials FILE" in of(out, "key")["remedy"]


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


def test_a_host_that_never_answers_fails_within_its_deadline(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, black_hole: int
) -> None:
    """Every check of it says so; none takes longer than it may."""
    monkeypatch.setattr(type(venue), "base", f"ws://127.0.0.1:{black_hole}")
    began = time.monotonic()
    code, out, err = venue.run("doctor --within 0.5")
    assert time.monotonic() - began < 10
    checked = verdicts(out)
    assert code == 1
    assert {checked[name] for name in ("clock", "key", "public socket", "auth socket", "l3 socket")} == {"fail"}
    assert "no answer within 0.5 s" in of(out, "clock")["text"]
    assert err.endswith("checks failed\n")


def test_a_host_where_nothing_listens_fails_at_once_and_its_checks_are_not_tried(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(venue), "base", "ws://127.0.0.1:9")
    began = time.monotonic()
    code, out, _ = venue.run("doctor")
    assert time.monotonic() - began < 4
    assert (code, of(out, "clock")["text"]) == (1, "not tried: its host cannot be reached")
    assert of(out, "tcp 127.0.0.1:9")["verdict"] == "fail"


def test_people_read_it_line_by_line(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Options, "as_json", property(lambda self: self.json))
    code, out, _ = venue.run("doctor")
    assert code == 0
    assert "pass  key: the key 'demo' signs as it should\n" in out
    assert "warn  permission withdraw-funds: the key may withdraw\n      take this permission away" in out
    assert "{" not in out


def test_hosts_are_looked_at_once_however_many_roles_they_have() -> None:
    live = [(host.name, host.port, host.encrypted, host.roles) for host in hosts_of(Endpoints.live())]
    assert live == [
        ("ws.kraken.com", 443, True, ("public",)), ("ws-auth.kraken.com", 443, True, ("auth",)),
        ("ws-l3.kraken.com", 443, True, ("l3",)), ("api.kraken.com", 443, True, ("rest",)),
    ]  # fmt: skip
    same = hosts_of(Endpoints.custom("ws://localhost:81/v2", auth="ws://localhost:81/auth", rest="http://localhost"))
    assert [(host.port, host.encrypted, host.roles) for host in same] == [
        (81, False, ("public", "auth")), (80, False, ("rest",)),
    ]  # fmt: skip


async def test_tls_is_proven_with_the_host_s_name() -> None:
    """A certificate of a trusted authority passes; one of a stranger, or no TLS at all, fails with what to look at."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with Simulator(symbols=["BTC/USD"], rate=0, tls=server) as exchange:
        assert exchange.tls_endpoints is not None
        (host,) = hosts_of(exchange.tls_endpoints)
        _, tls = await look_at(host, trust, 5)
        assert (tls.check, tls.verdict) == (f"tls localhost:{host.port}", "pass")
        assert "with SNI localhost, certificate for " in tls.text
        _, stranger = await look_at(host, None, 5)
        assert (stranger.verdict, "certificate does not hold" in stranger.text) == ("fail", True)
        (plain,) = hosts_of(exchange.endpoints)
        _, spoken = await look_at(Host(plain.name, plain.port, encrypted=True, roles=plain.roles), None, 5)
        assert (spoken.verdict, "no TLS" in spoken.text) == ("fail", True)


async def test_a_name_that_cannot_be_resolved_fails_with_its_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(doctor_hosts.socket, "getaddrinfo", nobody)
    (found,) = await look_at(Host("nowhere.invalid", 443, encrypted=True, roles=("auth", "l3")), None, 5)
    assert (found.check, found.verdict) == ("dns nowhere.invalid", "fail")
    assert found.text == "the name cannot be resolved: Name or service not known"
    assert "auth, l3" in found.remedy


async def test_a_name_server_that_never_answers_fails_within_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the thread that asked it."""
    asked, over = threading.Event(), threading.Event()

    def never(*_: object, **__: object) -> list[Any]:
        asked.set()
        over.wait(30)
        return []

    monkeypatch.setattr(doctor_hosts.socket, "getaddrinfo", never)
    (found,) = await look_at(Host("dead.example", 443, encrypted=True, roles=("rest",)), None, 0.05)
    assert asked.is_set()
    assert (found.verdict, found.text) == ("fail", "the name server did not answer within 0.05 s")
    over.set()
    for thread in threading.enumerate():
        if thread.name == "rxkraken doctor dns":
            thread.join(10)
