"""The options before the command: where they lead, as whom, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import pytest

import rxkraken as rk
from rxkraken.cli.context import Options
from rxkraken.cli.exits import Ended
from rxkraken.cli.places import Api, endpoints_of

KEY, SECRET = "a-key-of-mine", "c2VjcmV0"


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of somebody without an account."""
    for name in ("KRAKEN_API_KEY", "KRAKEN_API_SECRET", "KRAKEN_API_OTP"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], rk.Endpoints.live()),
        (["live"], rk.Endpoints.live()),
        (["beta"], rk.Endpoints.beta()),
        (["ws://127.0.0.1:1/v2"], rk.Endpoints.custom("ws://127.0.0.1:1/v2")),
        (["http://127.0.0.1:1"], rk.Endpoints.custom(rest="http://127.0.0.1:1")),
        (
            ["wss://localhost:1/"],
            rk.Endpoints.custom(
                "wss://localhost:1/v2",
                auth="wss://localhost:1/auth/v2",
                l3="wss://localhost:1/l3/v2",
                rest="https://localhost:1",
            ),
        ),
        (
            ["public=ws://a/v2, auth=ws://b/v2", "rest=https://c"],
            rk.Endpoints.custom("ws://a/v2", auth="ws://b/v2", rest="https://c"),
        ),
        (["ws://a:1", "l3=ws://b/v2"], rk.Endpoints.custom(
            "ws://a:1/v2", auth="ws://a:1/auth/v2", l3="ws://b/v2", rest="http://a:1")),
        (["ws://[::1]:1"], rk.Endpoints.custom(
            "ws://[::1]:1/v2", auth="ws://[::1]:1/auth/v2", l3="ws://[::1]:1/l3/v2", rest="http://[::1]:1")),
        (["beta", "l3=wss://ws-l3.kraken.com/v2"], replace(rk.Endpoints.beta(), l3="wss://ws-l3.kraken.com/v2")),
    ],
)  # fmt: skip
def test_endpoints_are_words_or_urls(words: list[str], expected: rk.Endpoints) -> None:
    """A URL without a path is a `rxkraken simulate` server; later words say more exactly."""
    assert endpoints_of(words) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], rk.Endpoints.live_v1()),
        (["live"], rk.Endpoints.live_v1()),
        (["beta"], rk.Endpoints.beta_v1()),
        (["ws://a:1/"], rk.Endpoints.custom("ws://a:1/", auth="ws://a:1/auth", rest="http://a:1")),
        (["public=ws://a, auth=wss://b/x"], rk.Endpoints.custom("ws://a", auth="wss://b/x")),
        (["wss://a/v1", "l3=ws://b/v2"], rk.Endpoints.custom("wss://a/v1", l3="ws://b/v2")),
    ],
)
def test_endpoints_of_v1_are_its_own(words: list[str], expected: rk.Endpoints) -> None:
    """Kraken's hosts without a path, and the simulator's paths of v1."""
    assert endpoints_of(words, Api.V1) == expected


@pytest.mark.parametrize("word", ["ws://a/v2", "public=ws://a/v2/", "auth=ws://a/auth/v2"])
def test_a_url_of_v2_is_no_endpoint_of_v1(word: str) -> None:
    """It says what was given, and both ways out."""
    with pytest.raises(rk.InvalidArgument, match=r"this speaks v2.*leave out /v2, or give --api v2"):
        endpoints_of([word], Api.V1)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("nowhere", "--endpoints nowhere: no endpoint; give live, beta, a URL of `rxkraken simulate`"),
        ("live,beta", "--endpoints live: no endpoint"),
        ("futures=ws://a", "--endpoints futures=ws://a: no endpoint"),
        (
            "auth=http://a",
            "--endpoints: endpoint auth='http://a' is not a usable URL; write it as ws://host[:port]/path",
        ),
    ],
)
def test_what_is_no_endpoint_is_refused_with_what_is_one(word: str, message: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(rk.InvalidArgument) as refused:
        endpoints_of([word])
    assert message in str(refused.value)


async def test_simulate_is_an_exchange_of_its_own_with_its_own_key() -> None:
    """It ends with the block; the environment's key is for another exchange."""
    async with Options(simulate=True).place(private=True) as place:
        assert place.simulator is not None
        assert place.endpoints == place.simulator.endpoints
        assert place.key.key == place.simulator.credentials.key
        async with Options(endpoints=(place.simulator.url.removesuffix("/v2"),)).client() as client:
            assert (await client.book("BTC/USD").first(timeout=20)).verified


async def test_a_client_of_v1_comes_from_the_same_options() -> None:
    """With the exchange of its own, and pointed at one that runs elsewhere."""
    async with Options(simulate=True).place(private=True, api=Api.V1) as place:
        assert place.simulator is not None
        assert place.endpoints == place.simulator.v1_endpoints
        async with Options(endpoints=(place.simulator.url.removesuffix("/v2"),)).v1_client() as client:
            assert (await client.spread("BTC/USD").first(timeout=20)).symbol == "BTC/USD"


async def test_a_key_comes_from_the_file_or_from_the_environment(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """The file wins; without either, what is public works and what is not says what to do."""
    async with Options().place() as place:
        assert place.credentials is None
        with pytest.raises(Ended, match="this needs an API key; set KRAKEN_API_KEY and KRAKEN_API_SECRET, or give"):
            _ = place.key
    monkeypatch.setenv("KRAKEN_API_KEY", KEY)
    with pytest.raises(Ended, match="KRAKEN_API_SECRET not set"):
        Options().key(needed=False)
    monkeypatch.setenv("KRAKEN_API_SECRET", SECRET)
    assert Options().key(needed=False).key == KEY
    file = tmp_path / "key"
    file.write_text(f"another-key\n{SECRET}\n")
    file.chmod(0o600)
    assert Options(credentials=file).key(needed=True).key == "another-key"


def test_json_is_for_pipes_and_for_who_asks(capsys: pytest.CaptureFixture[str]) -> None:
    """Here nobody looks."""
    assert Options().as_json
    assert Options(json=True).as_json
