"""Quantities of GPUs as nodes and pods have them."""

from __future__ import annotations

import pytest

from dpojob_planner import parse_gpus


@pytest.mark.parametrize(
    ("quantity", "gpus"),
    [("8", 8), (8, 8), (None, 0), ("1k", 1000), ("2Ki", 2048), ("1500m", 0), ("-1", 0), ("k", 0)],
)
def test_a_quantity_is_a_whole_number_with_a_suffix_or_none(quantity: object, gpus: int) -> None:
    assert parse_gpus(quantity) == gpus
