"""Recorded traffic and the examples of the references, as frames."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def frames(recording):
    """Reads the raw frames of a recording, in order."""

    def read(name: str) -> list[str]:
        return [json.loads(line)[1] for line in recording(name).read_text().splitlines() if line.strip()]

    return read
