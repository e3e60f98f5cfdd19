"""Faults drawn at random from a seed, with parameters that hit something now and then: what a bad day looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

_CHANNELS = ("book", "ticker", "trade", "ohlc")


def _generators(chance: Random, symbols: Sequence[str]) -> dict[str, Callable[[], dict[str, Any]]]:
    symbol = chance.choice([None, *symbols])
    channel = chance.choice([None, *_CHANNELS])
    return {
        "drop": lambda: {"code": chance.choice([1000, 1001, 1006, 1011, 1012])},
        "reset": dict,
        "silence": dict,
        "stall": lambda: {"seconds": chance.uniform(0.1, 14)},
        "mute": lambda: {"channel": channel, "symbol": chance.choice(symbols)},
        "delay_ack": lambda: {"method": chance.choice(["subscribe", "unsubscribe"]), "seconds": chance.uniform(0, 15)},
        "swallow_ack": lambda: {
            "method": chance.choice(["subscribe", "unsubscribe", "ping"]),
            "data": bool(chance.getrandbits(1)),
        },
        "corrupt_level": lambda: {"symbol": symbol},
        "wrong_checksum": lambda: {"symbol": symbol},
        "lose": lambda: {"channel": "book", "symbol": symbol},
        "repeat": lambda: {"channel": channel, "symbol": symbol},
        "unknown_fields": lambda: {"channel": channel},
        "unknown_values": lambda: {"channel": channel},
        "plain_text": dict,
        "odd_json": dict,
        "duplicate_snapshot": lambda: {"channel": channel, "symbol": symbol},
        "refuse_upgrade": lambda: {"status": chance.choice([429, 500, 503])},
        "maintenance": lambda: {"step": chance.uniform(0.1, 3), "drop": bool(chance.getrandbits(1))},
    }


def _private_generators(chance: Random) -> dict[str, Callable[[], dict[str, Any]]]:
    method = chance.choice(["add_order", "cancel_order", "amend_order"])
    return {
        "lose_ack": lambda: {"method": method},
        "late_response": lambda: {"method": method, "seconds": chance.uniform(0, 5)},
        "cut_before": lambda: {"method": method},
        "cut_after": lambda: {"method": method},
        "sequence_gap": lambda: {"channel": chance.choice(["executions", "balances"])},
        "duplicate_execution": dict,
        "invalidate_token": dict,
        "rate_limit": lambda: {"seconds": chance.uniform(0, 3)},
        "cancel_only": lambda: {"seconds": chance.uniform(0, 3)},
    }


def random_fault(chance: Random, symbols: Sequence[str], *, private: bool = False) -> tuple[str, dict[str, Any]]:
    """One fault of any kind but those that change a market for good, and its parameters.

    Those of accounts and orders are among them only with `private`: without it a seed goes on meaning what it meant.
    """
    generators = _generators(chance, symbols)
    if private:
        generators |= _private_generators(chance)
    name = chance.choice(list(generators))
    return name, generators[name]()
