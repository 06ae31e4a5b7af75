from decimal import Decimal
from typing import Any

import pytest

from dpojob_api.pool import GPUPoolSpec


def pool(**fields: Any) -> GPUPoolSpec:
    return GPUPoolSpec.model_validate({"gpu": {"model": "T4", "memoryGiB": 16}} | fields)


@pytest.mark.parametrize("price", ["0", "1.25", "0.1"])
def test_a_price_is_exact(price: str) -> None:
    assert pool(hourlyPrice=price).price == Decimal(price)


def test_a_pool_is_free_of_charge_by_default() -> None:
    assert pool().price == 0
