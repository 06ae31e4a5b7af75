"""Text of unknown origin cannot steer a terminal, and stays short."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpojob.sanitize import escape, format_value, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, ünïcode 漢字", "plain, ünïcode 漢字"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\u202eevil", r"\u202eevil"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
        ("C:\\temp", r"C:\\temp"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text(st.characters(codec=None)), st.integers(10, 200))
def test_shortened_text_is_short_and_harmless(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert all(unicodedata.category(c) not in ("Cc", "Cf", "Cs") for c in short)


@pytest.mark.parametrize(
    ("value", "shown"), [("", '""'), ("  ", '"  "'), (None, "null"), (["a", 1], '["a", 1]')]
)
def test_blank_and_other_values_can_be_distinguished(value: object, shown: str) -> None:
    assert format_value(value) == shown


def test_a_megabyte_is_no_work() -> None:
    assert len(shorten("\x00" * 50_000_000, 80)) == 80
