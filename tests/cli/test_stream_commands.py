"""The commands that watch streams: lines of JSON in a pipe, honest ends, and bad input told in one line."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from rxkraken.cli import main
from rxkraken.cli.account import _only
from rxkraken.cli.exits import Ended
from rxkraken.cli.limits import Limits
from rxkraken.models.status import Gap

if TYPE_CHECKING:
    from rxkraken import Endpoints

LEVEL = {"price", "qty"}


@pytest.fixture(autouse=True)
def practice_account(practice_key: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command here may use the demo account's key."""
    for name, value in practice_key.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def there(practice_exchange: Endpoints) -> list[str]:
    """The options that lead to the practice exchange."""
    return ["--endpoints", str(practice_exchange.public).removesuffix("/v2")]


def lines(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """Run one command; its lines, after it ended with this code and said nothing else."""
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert err == ""
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("channel", ["ticker", "spread", "trades", "ohlc", "book", "level3"])
def test_a_market_stream_is_one_line_an_item_in_a_pipe(
    capsys: pytest.CaptureFixture[str], there: list[str], channel: str
) -> None:
    """As many as asked for, of the market that was asked for in another spelling."""
    told = lines(capsys, *there, channel, "xbt-usd", "--count", "2")
    kind = {"trades": "trade", "ohlc": "candle"}.get(channel, channel)
    assert [(line["type"], line["symbol"]) for line in told] == [(kind, "BTC/USD")] * 2


def test_a_book_has_the_depth_that_was_asked_for_and_is_verified(
    capsys: pytest.CaptureFixture[str], there: list[str]
) -> None:
    """Best first on both sides."""
    (told,) = lines(capsys, *there, "book", "BTC/USD", "--depth", "25", "-n", "1")
    bids, asks = ([level["price"] for level in told[side]] for side in ("bids", "asks"))
    assert told["verified"]
    assert 10 < len(bids) <= 25
    assert (bids, asks) == (sorted(bids, reverse=True), sorted(asks))
    assert all(set(level) == LEVEL for level in told["bids"] + told["asks"])


def test_instruments_are_listed_once_and_it_ends(capsys: pytest.CaptureFixture[str], there: list[str]) -> None:
    """All pairs and assets, or the markets that are named, in the order in which they are."""
    everything = lines(capsys, *there, "instruments")
    assert {line["type"] for line in everything} == {"pair", "asset"}
    named = lines(capsys, *there, "instruments", "ethusd", "BTC/USD")
    assert [line["symbol"] for line in named] == ["ETH/USD", "BTC/USD"]
    assert named[1] in everything


def test_the_account_is_told_with_its_key(capsys: pytest.CaptureFixture[str], there: list[str]) -> None:
    """Balances of the assets asked for; executions end when their time is over, however quiet it was."""
    (told,) = lines(capsys, *there, "balances", "usd", "--count", "1")
    assert (told["type"], list(told["balances"]), told["snapshot"]) == ("balances", ["USD"], True)
    assert lines(capsys, *there, "executions", "BTC/USD", "--no-open", "--for", "0.3") == []


def test_the_status_tells_connection_and_engine(capsys: pytest.CaptureFixture[str], there: list[str]) -> None:
    """From nothing to online, then what Kraken says of itself."""
    told = lines(capsys, *there, "status", "--count", "4")
    assert [line.get("state", line.get("system")) for line in told] == ["idle", "connecting", "online", "online"]


def test_options_in_wrong_words_are_exit_code_2_and_one_line(
    capsys: pytest.CaptureFixture[str], there: list[str]
) -> None:
    """Nothing is connected; the line names the value and what is allowed."""
    for arguments, message in [
        (["book", "BTC/USD", "--depth", "11"], "depth=11 is not allowed; choose one of 10, 25, 100, 500, 1000"),
        (["level3", "BTC/USD", "--depth", "25"], "depth=25 is not allowed; choose one of 10, 100, 1000 price levels"),
        (["ohlc", "BTC/USD", "--interval", "7"], "interval=7 is not allowed; choose one of 1, 5"),
        (["ticker", "BTC/USD", "--trigger", "x"], "trigger='x' is not allowed; choose one of 'trades', 'bbo'"),
        (["ticker", "nothing"], "unknown symbol 'nothing'"),
        (["ticker"], "Missing argument '"),
        (["ticker", "BTC/USD", "--until", "soon"], "--until soon: no time; write it as 14:30, 14:30:15 or 2026-08-02T"),
        (["ticker", "BTC/USD", "--until", "2020-01-01"], "--until 2020-01-01: that has passed; it is 20"),
        (["ticker", "BTC/USD", "--count", "0"], "--count"),
    ]:
        assert main([*there, *arguments]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert message in err
    for arguments, message in [
        (["--endpoints", "nowhere", "status"], "--endpoints nowhere: no endpoint; give live, beta, a URL"),
        (["--endpoints", "public=x", "status"], "--endpoints: endpoint public='x' is not a usable URL"),
        (["--simulate", *there, "status"], "--simulate and --endpoints exclude each other"),
        (["--endpoints", "http://127.0.0.1:1", "book", "BTC/USD"], "this needs a URL for public"),
    ]:
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert message in err


def test_an_unknown_market_is_told_with_where_the_markets_are_listed(
    capsys: pytest.CaptureFixture[str], there: list[str]
) -> None:
    """Refused by the exchange it is exit code 1; not in the list of instruments it is exit code 2."""
    assert main([*there, "ticker", "FOO/BAR"]) == 1
    refused = "Kraken refused ticker FOO/BAR: Currency pair not supported FOO/BAR"
    remedy = "the markets are listed by: rxkraken instruments"
    assert capsys.readouterr() == ("", f"rxkraken: {refused}; {remedy}\n")
    assert main([*there, "instruments", "BTC/USB"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "unknown symbol 'BTC/USB'; did you mean BTC/USD" in err
    assert err.endswith(f"; {remedy}\n")


def test_one_refused_market_of_two_leaves_the_other_and_makes_exit_code_1(
    capsys: pytest.CaptureFixture[str], there: list[str]
) -> None:
    """Its line comes at once, on stderr, and once."""
    assert main([*there, "ticker", "FOO/BAR", "BTC/USD", "--count", "2"]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["symbol"] for line in out.splitlines()] == ["BTC/USD"] * 2
    assert err.count("\n") == 1
    assert "Kraken refused ticker FOO/BAR" in err


@pytest.mark.parametrize("channel", ["ticker", "spread", "trades", "ohlc", "book"])
def test_a_market_stream_comes_over_v1_with_the_names_of_v2(
    capsys: pytest.CaptureFixture[str], there: list[str], channel: str
) -> None:
    """Of the market that was asked for in another spelling; only what one of the APIs does not tell differs."""
    first, second = lines(capsys, *there, channel, "xbt-usd", "--count", "2", "--api", "v1")
    kind = {"trades": "trade", "ohlc": "candle"}.get(channel, channel)
    assert [(line["type"], line["symbol"]) for line in (first, second)] == [(kind, "BTC/USD")] * 2
    (over_v2,) = lines(capsys, *there, channel, "xbt-usd", "--count", "1", "--api", "v2")
    only = {"ticker": {"timestamp", "trades"}, "trades": {"trade_id", "misc"}, "book": {"timestamp"}}.get(
        channel, set()
    )
    assert set(first) ^ set(over_v2) <= only


def test_a_spread_over_v1_has_its_quantities_and_the_time_of_the_exchange(
    capsys: pytest.CaptureFixture[str], there: list[str]
) -> None:
    """What lies between is ask less bid, exactly."""
    assert main([*there, "spread", "ETH/USD", "--count", "1", "--api", "v1"]) == 0
    told = json.loads(capsys.readouterr().out, parse_float=Decimal)
    assert told["spread"] == told["ask"] - told["bid"] > 0
    assert min(told["bid_qty"], told["ask_qty"]) > 0
    assert told["timestamp"].endswith("Z")


def test_a_book_over_v1_has_the_depth_that_was_asked_for_and_is_verified(
    capsys: pytest.CaptureFixture[str], there: list[str]
) -> None:
    """The first that comes is one whose checksum held."""
    (told,) = lines(capsys, *there, "book", "BTC/USD", "--depth", "25", "-n", "1", "--api", "v1")
    assert told["verified"]
    assert 10 < len(told["bids"]) <= 25


def test_the_status_over_v1_tells_connection_and_engine(capsys: pytest.CaptureFixture[str], there: list[str]) -> None:
    """In the same lines, and which API it is."""
    told = lines(capsys, *there, "status", "--count", "4", "--api", "v1")
    assert [line.get("state", line.get("system")) for line in told] == ["idle", "connecting", "online", "online"]
    assert told[3]["api_version"] == "v1"


def test_one_refused_market_of_two_over_v1_leaves_the_other(
    capsys: pytest.CaptureFixture[str], there: list[str]
) -> None:
    """As over v2: one line at once on stderr, exit code 1 at the end; with none left it ends at once."""
    assert main([*there, "ticker", "FOO/BAR", "BTC/USD", "--count", "2", "--api", "v1"]) == 1
    out, err = capsys.readouterr()
    assert [json.loads(line)["symbol"] for line in out.splitlines()] == ["BTC/USD"] * 2
    refused = "Kraken refused ticker FOO/BAR: Currency pair not supported FOO/BAR"
    line = f"rxkraken: {refused}; the markets are listed by: rxkraken instruments\n"
    assert err == line
    assert main([*there, "ticker", "FOO/BAR", "--api", "v1"]) == 1
    assert capsys.readouterr() == ("", line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["level3", "BTC/USD"], "level3; give --api v2, or watch the book: rxkraken book SYMBOL --api v1"),
        (["instruments"], "instruments; give --api v2, or ask REST: rxkraken rest GET AssetPairs"),
        (["balances"], "balances; give --api v2, or ask REST: rxkraken rest POST Balance"),
        (["trades", "BTC/USD", "--snapshot"], "trades of before; give --api v2, or leave out --snapshot"),
        (
            ["ticker", "BTC/USD", "--trigger", "bbo"],
            "--trigger bbo; give --api v2, or leave out --trigger: v1 tells trades and changes of bid and ask alike",
        ),
    ],
)
def test_what_v1_does_not_have_is_one_line_with_the_remedy(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    """Exit code 2, before anything is opened: nobody listens where it leads."""
    assert main(["--endpoints", "ws://127.0.0.1:1", *arguments, "--api", "v1"]) == 2
    assert capsys.readouterr() == ("", f"rxkraken: --api v1: WebSocket v1 has no {message}\n")


def test_a_url_of_v2_is_refused_where_v1_is_to_be_spoken(capsys: pytest.CaptureFixture[str]) -> None:
    """It would take the connection and understand nothing."""
    assert main(["--endpoints", "ws://127.0.0.1:1/v2", "ticker", "BTC/USD", "--api", "v1"]) == 2
    told = "this speaks v2, and --api v1 was given; leave out /v2, or give --api v2"
    assert capsys.readouterr() == ("", f"rxkraken: --endpoints ws://127.0.0.1:1/v2: {told}\n")


@pytest.mark.parametrize(
    ("until", "seconds", "expected"),
    [
        ("12:00:30", None, 30.0),
        ("12:01", 10.0, 10.0),
        ("12:00", None, 86_400.0),
        ("2026-08-02T12:00:05Z", None, 5.0),
        ("2026-08-02T14:00:05+02:00", 9.0, 5.0),
        ("2026-08-03", None, 43_200.0),
    ],
)
def test_until_is_a_time_of_day_or_a_date(until: str, seconds: float | None, expected: float) -> None:
    """The next time of day that comes, in UTC; the earlier of it and --for holds."""
    noon = 1_785_672_000.0
    assert Limits.of(None, seconds, until, lambda: noon) == Limits(None, expected)


def test_a_time_that_has_passed_is_refused() -> None:
    """It would end at once, which nobody means."""
    with pytest.raises(Ended, match="that has passed; it is 2026-08-02T12:00:00Z"):
        Limits.of(None, None, "2026-08-02T11:59", lambda: 1_785_672_000.0)


def test_gaps_are_told_whatever_was_asked_for() -> None:
    """A filter for assets or markets lets them through."""
    gap = Gap(None, 2, 1.0, 2.0, "lost", 0)
    assert _only(gap, frozenset({"USD"})) is gap
