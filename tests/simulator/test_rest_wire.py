"""How the simulator reads what REST carries, where clients differ in how they write it."""

from __future__ import annotations

import pytest

from rxkraken.simulator.rest_wire import Refused, as_truth


@pytest.mark.parametrize(
    ("written", "meant"),
    [("true", True), ("True", True), ("1", True), (True, True), ("false", False), ("False", False), ("0", False),
     (False, False), ("", False), (None, False)],
)  # fmt: skip
def test_a_switch_is_read_as_clients_of_every_language_write_it(written, meant):
    assert as_truth({"validate": written}, "validate") is meant


def test_a_switch_that_is_neither_is_refused_by_its_name():
    with pytest.raises(Refused, match="EGeneral:Invalid arguments:validate"):
        as_truth({"validate": "maybe"}, "validate")
