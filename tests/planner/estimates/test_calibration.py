"""Measured figures in calibration.json replace the planner's assumptions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bench.mutation.patching import clear_caches
from tests.kit.planning import job, planned, pool, shape

from dpojob_api.pool import GPU
from dpojob_planner.estimates import calibration, gpu, sustained_flops
from dpojob_planner.estimates.calibration import CONSTANTS, Calibration, Measurement, Rate
from dpojob_planner.estimates.gpu import TRAINING_SHARE
from dpojob_planner.estimates.gpu_kinds import KINDS

CARD = Measurement(card="NVIDIA A10G", date="2026-11-28")
MEASURED = Rate(matmul_teraflops=60, training_teraflops=40, measured=CARD)


def reasons(**gpu_fields: object) -> list[str]:
    where = pool(gpu={"model": "A10G", "memoryGiB": 24, **gpu_fields})
    return planned(job(), shape("qwen2.5-0.5b"), [where]).reasons


@pytest.fixture(autouse=True)
def no_kept_plans() -> Iterator[None]:
    """Forget the plans made by other rates: a plan is kept by its inputs, and these do not hold the rates."""
    clear_caches("dpojob_planner")
    yield
    clear_caches("dpojob_planner")


def test_every_constant_has_a_value_and_rates_are_of_known_kinds() -> None:
    assert all(constant.value > 0 for constant in CONSTANTS.values())
    assert set(calibration.RATES) <= set(KINDS)


def test_an_unknown_constant_is_rejected() -> None:
    with pytest.raises(ValueError, match="SECONDS_PER_LAYER"):
        Calibration.model_validate({"constants": {"SECONDS_PER_LAYER": {"value": 1}}, "rates": {}})


def test_a_measured_rate_replaces_the_assumed_one(monkeypatch: pytest.MonkeyPatch) -> None:
    card = GPU(model="NVIDIA-A10G", memory_gib=24)
    assumed = sustained_flops(card)
    assert assumed == TRAINING_SHARE * KINDS["A10G"].matmul_teraflops * 1e12
    monkeypatch.setattr(gpu, "RATES", {"A10G": MEASURED})
    assert sustained_flops(card) == 40e12
    assert sustained_flops(card.model_copy(update={"teraflops": 30})) == 30e12
    assert sustained_flops(GPU(model="A10", memory_gib=24)) != 40e12


def test_the_plan_says_where_its_rate_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        "The time is by an assumed rate of 24.5 TFLOP/s for an A10G, which was not measured on a card."
        in reasons()
    )
    assert "The time is by gpu.teraflops of one, 31 TFLOP/s." in reasons(teraflops=31)
    clear_caches("dpojob_planner")
    monkeypatch.setattr(gpu, "RATES", {"A10G": MEASURED})
    assert (
        "The time is by the rate of an A10G that was measured on NVIDIA A10G, 2026-11-28."
        in reasons()
    )
