"""Numbers of parameters, durations and amounts of money as text."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpojob_api.quantity import (
    format_count,
    format_duration,
    money,
    parse_count,
    parse_duration,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("text", "count"),
    [("500M", 500_000_000), ("1.5B", 1_500_000_000), ("7000", 7000), ("0", 0), ("2T", 2 * 10**12)],
)
def test_counts(text, count):
    assert parse_count(text) == count


@pytest.mark.parametrize("text", ["", "B", "1.5 billion", "-1B", "1e9"])
def test_a_count_that_is_none_says_how_to_write_one(text):
    with pytest.raises(ValueError, match=r"1\.5B"):
        parse_count(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("6h", 21600), ("1h30m", 5400), ("2d", 172800), ("1d1s", 86401)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "6 hours", "h", "1h 30m", "-1h", "1.5h"])
def test_a_duration_that_is_none_says_how_to_write_one(text):
    with pytest.raises(ValueError, match="1h30m"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**7))
def test_a_shown_duration_can_be_read_back_and_is_close(seconds):
    shown = parse_duration(format_duration(seconds)).total_seconds()
    assert 0 <= seconds - shown <= max(seconds * 0.05, 0)


@given(st.integers(min_value=1, max_value=10**14))
def test_a_shown_count_can_be_read_back_and_is_close(count):
    assert abs(parse_count(format_count(count)) - count) <= max(0.06 * count, 1)


def test_money_is_rounded_to_cents():
    assert money(Decimal("2.345")) == "2.34"
    assert money(Decimal(1) / Decimal(3)) == "0.33"


@pytest.mark.parametrize(
    ("text", "number"),
    [("8Gi", 8 * 2**30), ("500M", 5 * 10**8), ("1e9", 10**9), ("2", 2), ("300m", Decimal("0.3"))],
)
def test_kubernetes_quantities(text, number):
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", ["", "Gi", "1.2.3", "8 Gi", "8GB"])
def test_a_text_that_is_no_quantity_is_refused(text):
    with pytest.raises(ValueError, match="no quantity"):
        parse_quantity(text)
