"""Main memory and disk space of the training pod, from the plan."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.planning import job, planned, pool, report, shape

from dpojob_api.plan import Plan
from dpojob_api.report import ModelFacts
from dpojob_planner import plan

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


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_weights_go_straight_to_the_gpu(method: str) -> None:
    """Whatever the model's size, and however many processes of a pod load it."""
    pools = [pool(memory=300, perNode=4)]
    one, four = (
        planned(
            job(training={"method": method}, hardware={"gpus": gpus}), shape("qwen2.5-7b"), pools
        )
        for gpus in (1, 4)
    )
    assert not one.sharded and one.host_memory_gib == 3
    if not four.sharded:
        assert four.host_memory_gib == 9


@pytest.mark.parametrize(("method", "bytes_per_parameter"), [("full", 8), ("lora", 2)])
def test_one_process_of_a_pod_loads_a_sharded_model_whole(
    method: str, bytes_per_parameter: int
) -> None:
    """Full fine-tuning gathers the moments of AdamW, which are larger than the fp32 weights it loads."""
    found = []
    for nodes in (1, 2):
        hardware = {"gpus": 4 * nodes, "nodes": nodes}
        spec = job(training={"method": method}, hardware=hardware)
        made = planned(spec, 32 * B, [pool(memory=180 if method == "full" else 40, perNode=8)])
        assert made.sharded
        found.append(made.host_memory_gib)
    least = bytes_per_parameter * 32 * B / 2**30
    assert least < found[0] < 1.1 * least + 4 * 2 + 3
    assert found[0] == found[1]


def test_a_pool_without_gpus_holds_the_training_in_main_memory() -> None:
    machine = pool(gpu={"model": "CPU", "memoryGiB": 64, "bf16": False, "teraflops": 1})
    made = planned(job(training={"method": "lora"}), shape("qwen2.5-0.5b"), [machine])
    assert made.host_memory_gib >= made.memory_gib.needed


def test_merging_an_adapter_takes_one_file_and_one_layer_of_the_model() -> None:
    training = {"method": "qlora"}
    plain = on(shape("qwen2.5-7b"), training=training)
    merged = on(shape("qwen2.5-7b"), output={"merge": True}, training=training)
    layer = 4 * 4 * 3584 * 18944 / 2**30
    assert plain.host_memory_gib + layer < merged.host_memory_gib < 9
    large = on(32 * B, output={"merge": True}, training=training)
    assert large.host_memory_gib < 20


def test_an_adapter_on_a_base_is_merged_on_scratch_before_full_fine_tuning() -> None:
    model = shape("qwen2.5-1.5b").model_copy(
        update={"adapter": True, "adapter_rank": 8, "weight_bytes": 2**26, "base_revision": "abc"}
    )
    lora, full = (
        on(model, 300, output=CLAIM, training={"method": method}) for method in ("lora", "full")
    )
    assert full.scratch_gib - lora.scratch_gib >= 4 * model.parameters // 2**30


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
