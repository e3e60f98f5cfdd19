"""`rxkraken token`: a token is issued, and printed only when asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Venue


def tokens(venue: Venue) -> set[str]:
    """Every token that the exchange has given away."""
    return set(venue.simulator.exchange._keyring._tokens)


def test_a_token_is_issued_and_not_shown(venue: Venue) -> None:
    code, out, err = venue.run("token")
    assert (code, err, json.loads(out)) == (0, "", {"expires": 900})
    assert not any(text in out for text in tokens(venue))


def test_show_prints_one_that_works(venue: Venue) -> None:
    code, out, _ = venue.run("token --show")
    assert code == 0
    assert json.loads(out)["token"] in tokens(venue)


def test_every_example_of_the_help_runs(venue: Venue) -> None:
    lines = venue.run("token --help")[1].splitlines()
    examples = [text.strip().removeprefix("rxkraken ") for text in lines if text.startswith("   rxkraken ")]
    assert examples == ["token", "token --show", "--json token --show"]
    assert [venue.run(example)[0] for example in examples] == [0, 0, 0]


@pytest.mark.parametrize("wrong", ["permission", "secret"])
def test_a_key_that_may_not_have_one_is_told_what_to_do(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    if wrong == "secret":
        monkeypatch.setenv("KRAKEN_API_SECRET", "c2VjcmV0" * 10)
    else:
        venue.do(lambda: venue.simulator.exchange.add_key("demo", permissions=["query_funds"]))
        key = venue.simulator.accounts["demo"].keys[-1]
        monkeypatch.setenv("KRAKEN_API_KEY", key.key)
        monkeypatch.setenv("KRAKEN_API_SECRET", key.secret)
    code, out, err = venue.run("token")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert ("permission" if wrong == "permission" else "check that key and secret belong together") in err
