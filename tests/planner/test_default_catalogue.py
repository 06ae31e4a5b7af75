"""The default catalogue and the examples for other clusters: valid, complete, and plannable."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from tests.kit.planning import catalogue, job, planned, pool, refused, shape
from tests.kit.repository import ROOT

from dpojob_api.pool import GPU, GPUPoolSpec
from dpojob_planner import PoolState, pool_problem
from dpojob_planner.estimates import sustained_flops, usable_gib
from dpojob_planner.estimates.gpu_kinds import KINDS
from dpojob_planner.pools import order_pools

EXAMPLES = sorted((ROOT / "examples" / "pools").glob("*.yaml"))


def test_the_catalogue_is_the_designs() -> None:
    found = {
        each.name: (
            each.spec.gpu.memory_gib,
            each.spec.price,
            each.spec.gpu.bf16,
            each.spec.method,
            each.spec.by_name_only,
        )
        for each in catalogue()
    }
    assert found == {
        "t4-small": (16, Decimal("0.75"), False, "auto", False),
        "t4-medium": (24, Decimal("1.00"), False, "auto", False),
        "a10g-small": (24, Decimal("1.00"), True, "auto", True),
        "a10g-large": (24, Decimal("2.50"), True, "auto", False),
        "a100-large": (40, Decimal("5.00"), True, "lora", False),
    }


@pytest.mark.parametrize("parameters", [10**6, 5 * 10**8, 10**9, 3 * 10**9, 7 * 10**9, 10**12])
def test_every_size_has_exactly_one_first_choice(parameters: int) -> None:
    open_ = [each for each in catalogue() if not each.spec.by_name_only]
    assert len(order_pools(open_, parameters).first) == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_pools_that_jobs_can_be_planned_on(path: Path) -> None:
    listed = yaml.safe_load(path.read_text())["pools"]
    pools = [PoolState(each["name"], GPUPoolSpec.model_validate(each["spec"])) for each in listed]
    assert len({each.name for each in pools}) == len(pools)
    for each in pools:
        assert pool_problem(each.spec) is None
        assert each.spec.node_selector
        assert each.spec.tolerations
        # A kind that is not listed would get a presumed speed.
        assert sustained_flops(each.spec.gpu) != sustained_flops(pool().spec.gpu.model_copy(update={"teraflops": None}))  # fmt: skip
    for name in ("qwen2.5-0.5b", "qwen2.5-3b", "llama-3.1-8b", "qwen2.5-14b"):
        assert planned(job(), shape(name), pools).considered


def test_there_is_an_example_for_each_kind_of_cluster() -> None:
    assert {path.stem for path in EXAMPLES} == {
        "aks",
        "eks",
        "gke",
        "gpu-feature-discovery",
        "karpenter",
    }


def test_the_memory_that_a_gpu_offers_is_less_than_its_name_gives() -> None:
    offers = {each.name: usable_gib(each.spec.gpu) for each in catalogue()}
    assert offers["t4-small"] == pytest.approx(14.56)
    assert offers["a10g-large"] == pytest.approx(21.84)
    assert offers["a100-large"] == pytest.approx(39.2)


def test_a_stated_rate_replaces_the_known_one() -> None:
    assert sustained_flops(pool().spec.gpu) == 100e12


@pytest.mark.parametrize("model", ["NVIDIA-A100-SXM4-80GB", "A100", "nvidia-a100-80gb"])
def test_kinds_are_known_by_every_spelling(model: str) -> None:
    gpu = pool().spec.gpu.model_copy(update={"model": model, "teraflops": None})
    assert sustained_flops(gpu) == pytest.approx(312e12 * 0.35)


def rate(model: str, resource: str = "nvidia.com/gpu") -> float:
    """TFLOP/s that training sustains on a kind of GPU, in the planner's estimate."""
    gpu = GPU.model_validate({"model": model, "memoryGiB": 16, "resource": resource})
    return sustained_flops(gpu) / 1e12


def test_the_cards_stand_in_the_order_in_which_they_train() -> None:
    """An L4 has a higher peak than an A10G and a quarter of its power."""
    slowest_first = ["T4", "L4", "A10G", "A100", "H100 PCIe", "H100"]
    rates = [rate(model) for model in slowest_first]
    assert rates == sorted(rates)
    assert rate("T4") < 15
    assert rate("A100") == pytest.approx(312 * 0.35)


def test_no_kind_is_taken_for_another_with_a_longer_number() -> None:
    assert rate("A10") != rate("A100") != rate("A1000")
    assert rate("L4") != rate("L40") != rate("L40S")
    assert rate("RTX 6000 Ada Generation") != rate("RTX A6000")


def test_every_rate_has_its_source() -> None:
    assert all(kind.source for kind in KINDS.values())


@pytest.mark.parametrize(
    ("model", "resource", "slices"),
    [
        ("A100", "nvidia.com/mig-1g.10gb", 1),
        ("A100 MIG 3g.20gb", "nvidia.com/gpu", 3),
        ("NVIDIA-H100-80GB-HBM3-MIG-2g.20gb", "nvidia.com/gpu", 2),
        ("A100", "nvidia.com/gpu", 7),
    ],
)
def test_a_mig_slice_has_its_share_of_the_rate(model: str, resource: str, slices: int) -> None:
    whole = rate("H100" if "H100" in model else "A100")
    assert rate(model, resource) == pytest.approx(whole * slices / 7)


def test_a_job_takes_one_mig_slice() -> None:
    """CUDA shows a process one slice, however many the pod is given."""
    gpu = {"model": "A100", "memoryGiB": 20, "perNode": 2, "resource": "nvidia.com/mig-3g.20gb"}
    slices = PoolState("slices", GPUPoolSpec.model_validate({"gpu": gpu}))
    assert planned(job(), shape("qwen2.5-0.5b"), [slices]).gpus == 1
    refusal = refused(job(hardware={"gpus": 2}), shape("qwen2.5-0.5b"), [slices])
    assert "MIG slices (nvidia.com/mig-3g.20gb), of which a job can use one" in refusal.error


def test_bands_that_meet_leave_no_gap_and_no_overlap() -> None:
    pools = [
        pool("low", modelSize={"min": "1B", "max": "3B"}),
        pool("high", modelSize={"min": "3B", "max": "7B"}),
    ]
    for parameters in range(2_800_000_000, 3_200_000_000, 10_000_000):
        assert len(order_pools(pools, parameters).first) == 1
    assert order_pools(pools, 10**8).first[0].name == "low"
    assert order_pools(pools, 10**11).first[0].name == "high"
