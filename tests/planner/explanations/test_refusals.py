"""What is refused, and that each refusal gives its figures and settings that would fit."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from tests.kit.planning import catalogue, changed, job, planned, pool, refused, report, shape

from dpojob_planner import plan, pool_problem

B = 10**9


def test_an_unknown_pool_names_those_there_are() -> None:
    refusal = refused(job(hardware={"pool": "h100"}), B, catalogue())
    assert refusal.reason == "PoolNotFound"
    assert "hardware.pool h100 is not a GPUPool of this cluster" in refusal.error
    assert "a100-large, a10g-large, a10g-small, t4-medium, t4-small" in refusal.error


def test_a_pool_closed_to_the_namespace() -> None:
    pools = changed(catalogue(), "a10g-small", allowed=False)
    refusal = refused(job(hardware={"pool": "a10g-small"}), B, pools)
    assert refusal.reason == "PoolNotAllowed"
    assert "namespaceSelector" in refusal.error
    assert {line.pool: line.verdict for line in refusal.considered}["a10g-small"] == "notAllowed"


def test_a_closed_pool_is_passed_over() -> None:
    pools = changed(catalogue(), "t4-small", allowed=False)
    assert planned(job(), shape("qwen2.5-0.5b"), pools).pool == "t4-medium"


def test_no_pools_at_all() -> None:
    assert refused(job(), B, []).reason == "NoPools"


def test_only_pools_to_be_named() -> None:
    only = [pool for pool in catalogue() if pool.spec.by_name_only]
    refusal = refused(job(), B, only)
    assert refusal.reason == "NoPools"
    assert "hardware.pool may name a10g-small" in refusal.error


@pytest.mark.parametrize(
    ("training", "size", "least"),
    [({"method": "full"}, "qwen2.5-3b", 33), ({}, "70b", 39), ({"method": "lora"}, "14b", 27)],
)
def test_a_named_pool_too_small_is_refused_with_numbers(
    training: dict[str, str], size: str, least: int
) -> None:
    model = shape(size) if size.startswith("qwen") else int(size[:-1]) * B
    refusal = refused(job(hardware={"pool": "a10g-small"}, training=training), model, catalogue())
    assert refusal.reason == "NothingFits"
    found = re.search(r"needs ([0-9.]+) GiB .* offers ([0-9.]+) GiB", refusal.error)
    assert found is not None
    assert float(found[1]) > least > float(found[2])
    assert "leave hardware.pool out" in refusal.error
    line = next(line for line in refusal.considered if line.pool == "a10g-small")
    assert line.needed is not None
    assert line.available == 21.84
    assert line.verdict == "tooSmall"


def test_full_on_a_pool_that_trains_adapters() -> None:
    spec = job(hardware={"pool": "a100-large"}, training={"method": "full"})
    refusal = refused(spec, shape("qwen2.5-0.5b"), catalogue())
    assert "training.method is full, and GPUPool a100-large trains with method lora only" in (
        refusal.error
    )


def test_a_method_is_obeyed() -> None:
    for method in ("full", "lora", "qlora"):
        plan_ = planned(job(training={"method": method}), shape("qwen2.5-0.5b"), catalogue())
        assert plan_.method == method


@pytest.mark.parametrize(
    ("hardware", "expected"),
    [
        ({"gpus": 3}, "does not divide training.batchSize 8"),
        ({"gpus": 2}, "at most 1; ask for fewer GPUs or set hardware.nodes to 2"),
        ({"gpus": 3, "nodes": 2}, "does not divide training.batchSize 8"),
        ({"gpus": 4, "nodes": 3}, "make gpus a multiple of nodes"),
        ({"nodes": 3}, "cannot be divided over hardware.nodes 3"),
    ],
)
def test_impossible_numbers_of_gpus(hardware: dict[str, int], expected: str) -> None:
    refusal = refused(job(hardware=hardware), shape("qwen2.5-0.5b"), catalogue())
    assert expected in refusal.error
    assert refusal.reason == "NothingFits"


def test_a_pool_whose_figures_contradict_each_other() -> None:
    broken = pool("broken", modelSize={"min": "7B", "max": "3B"})
    refusal = refused(job(hardware={"pool": "broken"}), B, [broken])
    assert "min 7B is not below max 3B" in refusal.error
    chosen = planned(job(), B, [broken, pool("good")])
    assert {line.pool: line.verdict for line in chosen.considered}["broken"] == "invalid"


@pytest.mark.parametrize(
    "model", ["V100", "Tesla-V100-SXM2-16GB", "P100", "Tesla P40", "Tesla P4", "Tesla-K80"]
)
def test_a_card_without_cuda_code_is_refused_by_its_name(model: str) -> None:
    gpu = {"model": model, "memoryGiB": 80, "bf16": False}
    old = pool("old", gpu=gpu)
    refusal = refused(job(hardware={"pool": "old"}), B, [old])
    assert refusal.reason == "NothingFits"
    assert f"GPUPool old cannot be used: its gpu.model {model} has compute capability" in (
        refusal.error
    )
    assert "need 7.5 or more; use a pool with T4 or newer GPUs" in refusal.error
    chosen = planned(job(), B, [old, pool("new")])
    assert {line.pool: line.verdict for line in chosen.considered} == {"new": "chosen", "old": "invalid"}  # fmt: skip


@pytest.mark.parametrize("model", ["T4", "Quadro P1000 successor T1000", "GRID-T4-16Q", "RTX 4090"])
def test_newer_cards_are_not_taken_for_them(model: str) -> None:
    assert pool_problem(pool(gpu={"model": model, "memoryGiB": 80}).spec) is None


def test_a_stored_quantised_model_cannot_be_trained_whole() -> None:
    model = shape("qwen2.5-7b").model_copy(update={"quantization": "bitsandbytes"})
    assert planned(job(), model, catalogue()).method == "qlora"
    refusal = refused(job(training={"method": "full"}), model, catalogue())
    assert "stored quantised (bitsandbytes)" in refusal.error


def test_an_adapter_goes_on_as_an_adapter_of_its_own_rank() -> None:
    model = shape("qwen2.5-0.5b").model_copy(update={"adapter": True, "adapter_rank": 64})
    found = planned(job(), model, catalogue())
    fresh = planned(job(training={"method": "lora"}), shape("qwen2.5-0.5b"), catalogue())
    assert found.method == "lora"
    assert found.memory_gib.parts["adapters"] > 3 * fresh.memory_gib.parts["adapters"]
    assert found.memory_gib.parts["reference"] > 0


SYNCHRONISED = {"arguments": {"sync_ref_model": True}}


def test_a_reference_that_is_synchronised_takes_full_fine_tuning_and_is_not_precomputed() -> None:
    spec = job(training=SYNCHRONISED)
    for size in range(1, 17):
        found = planned(spec, size * B // 10, [pool(memory=44)])
        assert (found.method, found.precompute_reference) == ("full", False)
    adapter = shape("qwen2.5-0.5b").model_copy(update={"adapter": True, "adapter_rank": 64})
    assert planned(spec, adapter, catalogue()).method == "full"
    assert refused(spec, 4 * B, [pool(memory=44)]).reason == "NothingFits"


@pytest.mark.parametrize(
    ("training", "facts", "because"),
    [
        ({"method": "lora"}, {}, "training.method is lora"),
        ({}, {"quantization": "bitsandbytes"}, "the model is stored quantised (bitsandbytes)"),
        ({}, {}, "GPUPool one trains with method lora only"),
    ],
)
def test_a_reference_that_is_synchronised_where_there_can_be_none(
    training: dict[str, str], facts: dict[str, str], because: str
) -> None:
    model = shape("qwen2.5-0.5b").model_copy(update=facts)
    refusal = refused(job(training={**SYNCHRONISED, **training}), model, [pool(method="lora")])
    assert "sync_ref_model needs a reference model of its own" in refusal.error
    assert f"{because}; leave sync_ref_model out" in refusal.error


def test_without_model_facts_there_is_nothing_to_plan() -> None:
    with pytest.raises(ValueError, match="model's facts"):
        plan(job(), report(B).model_copy(update={"model": None}), catalogue())


SLICES = {"model": "A100", "memoryGiB": 20, "perNode": 7, "resource": "nvidia.com/mig-3g.20gb"}


@pytest.mark.parametrize(
    ("hardware", "asked"),
    [({"nodes": 2}, "hardware.nodes 2"), ({"gpus": 2}, "hardware.gpus 2")],
)
def test_a_job_over_several_mig_slices_is_refused(hardware: dict[str, Any], asked: str) -> None:
    slices = pool("slices", gpu=SLICES)
    answer = refused(job(hardware={"pool": "slices", **hardware}), 500_000_000, [slices])
    assert answer.reason == "NothingFits"
    assert answer.error == (
        f"{asked} cannot be had on slices: its GPUs are MIG slices (nvidia.com/mig-3g.20gb), of which a job "
        "can use one; leave hardware.gpus and hardware.nodes out, or name a pool of whole GPUs."
    )


def test_a_job_over_several_gpus_passes_by_mig_slices() -> None:
    pools = [pool("slices", gpu=SLICES, hourlyPrice="1"), pool("whole", perNode=2)]
    answer = planned(job(hardware={"gpus": 2}), 500_000_000, pools)
    assert answer.pool == "whole"
    line = next(each for each in answer.considered if each.pool == "slices")
    assert "MIG slices" in line.reason


SHORT = {"model": "T4", "memoryGiB": 24, "bf16": False}


def test_a_pool_whose_nodes_report_less_memory_is_not_chosen() -> None:
    """A T4 has 16 GiB, whatever its pool says."""
    short = replace(pool("short", gpu=SHORT, hourlyPrice="1"), node_memory_gib=15.0)
    answer = planned(job(), 500_000_000, [short, pool("other")])
    assert answer.pool == "other"
    line = next(each for each in answer.considered if each.pool == "short")
    assert line.verdict == "invalid"
    assert "has a node with GPUs of 15.0 GiB" in line.reason
    believed = replace(short, node_memory_gib=None)
    assert planned(job(), 500_000_000, [believed, pool("other")]).pool == "short"


def test_a_named_pool_whose_nodes_report_less_memory_is_refused() -> None:
    short = replace(pool("short", gpu=SHORT), node_memory_gib=15.0)
    answer = refused(job(hardware={"pool": "short"}), 500_000_000, [short])
    assert answer.error == (
        "GPUPool short cannot be used: its gpu.memoryGiB is 24, of which plans count on 21.8 GiB, but it has "
        "a node with GPUs of 15.0 GiB; correct gpu.memoryGiB or nodeSelector of the GPUPool."
    )
