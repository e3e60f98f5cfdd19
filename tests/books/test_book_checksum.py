"""The CRC-32 comes from the fastest library that is there and right."""

from __future__ import annotations

import sys
import types
import zlib

import pytest

from rxkraken.books import keeping
from rxkraken.books.checksum import CRC32_SOURCE, crc32, fastest


def test_the_function_in_use_is_the_standard_one():
    assert crc32(b"123456789", 0) == 0xCBF43926
    assert crc32(b"6789", crc32(b"12345", 0)) == 0xCBF43926
    assert CRC32_SOURCE


def test_the_first_right_module_is_taken(monkeypatch):
    """One is missing, one has no CRC, one computes another: the fourth is used."""
    nothing, other, right = (types.ModuleType(name) for name in ("nothing", "other", "right"))
    other.crc32 = lambda data, start: 7
    right.crc32 = lambda data, start=0: zlib.crc32(data, start)
    for module in (nothing, other, right):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert fastest(("missing_module", "nothing", "other", "right", "zlib")) == ("right", right.crc32)


def test_the_standard_library_is_always_there():
    assert fastest(("missing_module",)) == ("zlib", zlib.crc32)


@pytest.mark.skipif(not keeping.COUNTED, reason="this interpreter does not count references as we need it")
def test_an_object_that_nobody_else_has_counts_as_alone():
    """The very expression of the hot path, on an object with one owner and with two."""
    holder = types.SimpleNamespace(item=object())
    item = holder.item
    assert keeping.references(item) == keeping.ALONE
    another = item
    assert keeping.references(item) == keeping.ALONE + 1
    assert another is item


def test_where_references_are_not_counted_nothing_is_alone():
    assert keeping._unknown(object()) != keeping.ALONE
