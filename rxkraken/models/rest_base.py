"""What every REST model has: room for members this version does not know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RestModel:
    """A part of a REST answer. Money and quantities are exact `Decimal`s, names are Kraken's.

    `extra` holds the members that Kraken sent and this version has no field for, decoded but otherwise as they came.
    """

    extra: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False, repr=False)
