"""Main memory and disk space of the training pod, from the plan."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dpojob_api.plan import Plan
from dpojob_api.report import ModelFacts
from dpojob_planner import plan

from .builders import job, planned, pool, report, shape

B = 10**9
CLAIM = {"volume": {"claimName": "models", "path": "tuned"}}


def on(facts: ModelFacts | int, memory: float = 80, **spec: Any) -> Plan:
    return planned(job(**spec), facts, [pool(memory=memory)])


def test_a_download_of_65_gb_has_its_space() -> None:
    made = on(32 * B, output=CLAIM, training={"method": "qlora"})
    assert made.scratch_gib * 2**30 > 65e9
    assert made.scratch_gib < 100


def test_a_model_on_a_volume_is_not_downloaded() -> None:
    source = {"volume": {"claimName": "models", "path": "base"}}
    assert on(32 * B, model=source, output=CLAIM, training={"method": "qlora"}).scratch_gib < 10  # fmt: skip


def test_the_size_of_the_weight_files_counts_where_it_is_known() -> None:
    model = shape("qwen2.5-0.5b").model_copy(update={"weight_bytes": 20 * 2**30})
    assert on(model, output=CLAIM).scratch_gib >= 22


def test_an_adapter_downloads_its_base() -> None:
    model = shape("qwen2.5-7b").model_copy(
        update={"adapter": True, "adapter_rank": 8, "weight_bytes": 2**26, "base_revision": "abc"}
    )
    assert on(model, output=CLAIM).scratch_gib * 2**30 > 2 * model.parameters


def test_without_an_output_volume_checkpoints_and_model_lie_on_scratch() -> None:
    """A job that only pushes has no claim."""
    pushed = on(shape("qwen2.5-1.5b"), output={"push": "org/tuned"})
    stored = on(shape("qwen2.5-1.5b"), output=CLAIM)
    assert pushed.scratch_gib == stored.scratch_gib + stored.output_gib


def test_the_weights_are_loaded_in_the_precision_of_the_method() -> None:
    gib = shape("qwen2.5-7b").parameters / 2**30
    loaded = {
        method: on(shape("qwen2.5-7b"), 300, training={"method": method}).host_memory_gib
        for method in ("full", "lora", "qlora")
    }
    assert loaded["full"] >= 8 * gib  # fp32, and the reference's copy.
    assert 2 * gib <= loaded["lora"] < 3.5 * gib
    assert loaded["qlora"] < 4


def test_merging_an_adapter_takes_an_fp32_copy() -> None:
    merged = on(shape("qwen2.5-7b"), output={"merge": True}, training={"method": "qlora"})
    assert merged.host_memory_gib >= 4 * shape("qwen2.5-7b").parameters / 2**30


def test_every_process_of_a_pod_loads_the_model() -> None:
    model, pools = shape("qwen2.5-7b"), [pool(memory=80, perNode=4)]
    one, four = (
        planned(job(training={"method": "lora"}, hardware={"gpus": gpus}), model, pools)
        for gpus in (1, 4)
    )
    assert four.host_memory_gib > 3.5 * one.host_memory_gib
    nodes = planned(
        job(training={"method": "lora"}, hardware={"gpus": 4, "nodes": 4}), model, pools
    )
    assert nodes.host_memory_gib == one.host_memory_gib


@settings(max_examples=100, deadline=None)
@given(
    one=st.integers(10**7, 10**11),
    other=st.integers(10**7, 10**11),
    method=st.sampled_from(["full", "lora", "qlora"]),
    merge=st.booleans(),
    push=st.booleans(),
)
def test_a_larger_model_never_needs_less(
    one: int, other: int, method: str, merge: bool, push: bool
) -> None:
    output = {"merge": merge, **({"push": "org/tuned"} if push else CLAIM)}
    spec = job(training={"method": method, "arguments": {"optim": "adamw_torch"}}, output=output)
    found = []
    for parameters in sorted((one, other)):
        answer = plan(spec, report(parameters), [pool(memory=9999)])
        assert isinstance(answer, Plan)
        found.append(answer)
    small, large = found
    if small.precompute_reference == large.precompute_reference:
        assert small.host_memory_gib <= large.host_memory_gib
    assert small.scratch_gib <= large.scratch_gib
    assert small.checkpoint.grace_period_seconds <= large.checkpoint.grace_period_seconds


@pytest.mark.parametrize("size", [10**6, 10**8])
def test_a_small_model_needs_little(size: int) -> None:
    made = on(size)
    assert made.host_memory_gib <= 5
    assert made.scratch_gib <= 6
