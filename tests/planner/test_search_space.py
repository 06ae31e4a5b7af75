"""The order in which pools, GPUs, strategies and batches are tried."""

from __future__ import annotations

import pytest
from tests.kit.planning import catalogue, changed, job, planned, pool, refused, shape

from dpojob_api.plan import Plan

B = 10**9
LIVE_REFERENCE = {"arguments": {"sync_ref_model": True}}
"""A reference that follows the model cannot be precomputed."""


def strategy(plan: Plan) -> tuple[str, bool]:
    return plan.method, plan.precompute_reference


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        (80, ("full", False)),
        (40, ("full", False)),
        (33, ("full", True)),
        (16, ("lora", False)),
        (3.5, ("qlora", False)),
    ],
)
def test_the_first_rung_that_fits(memory: float, expected: tuple[str, bool]) -> None:
    assert strategy(planned(job(), shape("qwen2.5-1.5b"), [pool(memory=memory)])) == expected


def test_over_several_epochs_the_reference_is_computed_ahead_when_that_saves_time() -> None:
    def over(epochs: float, **training: object) -> Plan:
        spec = job(training={"epochs": epochs, **training})
        return planned(spec, shape("qwen2.5-1.5b"), [pool(memory=80)])

    once, thrice = over(1), over(3)
    assert (strategy(once), strategy(thrice)) == (("full", False), ("full", True))
    assert 2 < thrice.estimate.hours / once.estimate.hours < 2.8
    assert any(
        "computed once, ahead of training, which saves" in reason for reason in thrice.reasons
    )
    kept = over(3, arguments={"sync_ref_model": True})
    assert strategy(kept) == ("full", False)


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_an_adapter_has_its_reference_ahead_over_several_epochs(method: str) -> None:
    def over(epochs: float, **spec: object) -> Plan:
        asked = job(training={"epochs": epochs, "method": method}, **spec)
        return planned(asked, shape("qwen2.5-1.5b"), [pool(memory=80, perNode=2)])

    once, thrice = over(1), over(3)
    assert (strategy(once), strategy(thrice)) == ((method, False), (method, True))
    assert thrice.estimate.hours < 2.7 * once.estimate.hours
    assert thrice.memory_gib.needed == once.memory_gib.needed
    assert strategy(over(3, hardware={"gpus": 2})) == (method, True)


def test_an_adapter_that_is_sharded_has_its_reference_at_each_step() -> None:
    spec = job(training={"epochs": 3, "method": "lora"})
    plan = planned(spec, shape("llama-3.1-8b"), [pool(memory=16, perNode=4)])
    assert plan.sharded
    assert strategy(plan) == ("lora", False)


def test_a_refusal_names_each_need_of_memory_once() -> None:
    spec = job(training={"epochs": 3, "method": "lora"})
    refusal = refused(spec, shape("llama-3.1-8b"), [pool(memory=8)])
    assert "precomputed" not in refusal.error + "".join(line.reason for line in refusal.considered)


def test_the_batch_is_halved_before_a_rung_is_left() -> None:
    seen: dict[tuple[str, str], set[int]] = {}
    for fifths in range(41, 500):
        plan = planned(job(), shape("qwen2.5-1.5b"), [pool(memory=fifths / 5)])
        seen.setdefault((plan.method, plan.optimizer), set()).add(plan.per_device_batch_size)
    assert set(seen) >= {("full", "adamw"), ("full", "adamw_8bit"), ("lora", "adamw")}
    for sizes in seen.values():
        assert min(sizes) < job().training.batch_size


def test_the_reference_is_precomputed_over_one_epoch_where_the_freed_memory_saves_time() -> None:
    """Without the copy of 5.8 GiB, activations need not be recomputed."""
    offered = [pool(memory=48)]
    plan = planned(job(), shape("qwen2.5-1.5b"), offered)
    live = planned(job(training=LIVE_REFERENCE), shape("qwen2.5-1.5b"), offered)
    assert (plan.precompute_reference, plan.gradient_checkpointing) == (True, False)
    assert (live.precompute_reference, live.gradient_checkpointing) == (False, True)
    assert plan.estimate.hours < 0.9 * live.estimate.hours
    assert any("computed once, ahead of training, which saves" in each for each in plan.reasons)


def test_8_bit_adamw_comes_between_full_fine_tuning_and_lora() -> None:
    plan = planned(job(), shape("qwen2.5-1.5b"), [pool(memory=24)])
    assert (plan.method, plan.optimizer) == ("full", "adamw_8bit")
    parameters, embedding = shape("qwen2.5-1.5b").parameters, 151_936 * 1536
    # The input embedding keeps fp32 moments; all others have two bytes and two scales per 256.
    moments = 8 * embedding + (2 + 8 / 256) * (parameters - embedding)
    assert plan.memory_gib.parts["optimizer"] == pytest.approx(moments / 2**30, abs=0.01)
    assert any(
        "full fine-tuning with 8-bit AdamW and precomputed reference on one GPU needs"
        in each.lower()
        or "Full fine-tuning with 8-bit AdamW" in each
        for each in plan.reasons
    )


@pytest.mark.parametrize(
    ("gpu", "training"),
    [
        ({"model": "T4", "bf16": False}, {}),
        ({"model": "CPU", "teraflops": 0.1}, {}),
        ({"model": "A10G"}, {"arguments": {"optim": "adamw_torch"}}),
    ],
)
def test_8_bit_adamw_is_not_chosen_where_it_cannot_run_or_another_is_asked_for(
    gpu: dict[str, object], training: dict[str, object]
) -> None:
    offered = pool(gpu={"memoryGiB": 24, **gpu})
    plan = planned(job(training=training), shape("qwen2.5-1.5b"), [offered])
    assert (plan.method, plan.optimizer) == ("lora", "adamw")


def test_8_bit_adamw_that_is_asked_for_is_planned_or_refused() -> None:
    spec = job(training={"arguments": {"optim": "paged_adamw_8bit"}})
    plan = planned(spec, shape("qwen2.5-0.5b"), [pool(memory=80)])
    assert (plan.method, plan.optimizer) == ("full", "adamw_8bit")
    processor = pool("cpu", gpu={"model": "CPU", "memoryGiB": 80, "teraflops": 0.1})
    refusal = refused(spec, shape("qwen2.5-0.5b"), [processor])
    assert "optim paged_adamw_8bit is an optimizer of bitsandbytes" in refusal.error


def test_8_bit_adamw_is_never_sharded() -> None:
    spec = job(training={"arguments": {"optim": "adamw_8bit"}, "method": "full"})
    refused(spec, shape("llama-3.1-8b"), [pool(memory=40, perNode=8)])
    assert planned(job(training={"method": "full"}), shape("llama-3.1-8b"), [pool(memory=40, perNode=8)]).sharded  # fmt: skip


def test_checkpointing_only_when_memory_needs_it() -> None:
    small = planned(job(), shape("qwen2.5-0.5b"), [pool(memory=14)])
    large = planned(job(), shape("qwen2.5-0.5b"), [pool(memory=80)])
    assert small.gradient_checkpointing
    assert not large.gradient_checkpointing
    assert (large.per_device_batch_size, large.gradient_accumulation) == (8, 1)


def test_larger_pools_by_price_before_several_gpus() -> None:
    pools = [
        pool("tiny", 8, perNode=8, modelSize={"min": "0", "max": "9B"}, hourlyPrice="1"),
        pool("dear", 80, modelSize={"min": "20B"}, hourlyPrice="9"),
        pool("fair", 80, modelSize={"min": "20B"}, hourlyPrice="4"),
    ]
    assert planned(job(), shape("llama-3.1-8b"), pools).pool == "fair"


def test_several_gpus_of_one_node_when_one_is_too_small() -> None:
    spec = job(training={"method": "full"})
    plan = planned(spec, shape("llama-3.1-8b"), [pool(memory=80, perNode=8)])
    assert (plan.gpus, plan.nodes, plan.precompute_reference) == (2, 1, True)
    assert plan.sharded
    assert plan.per_device_batch_size * plan.gradient_accumulation * plan.gpus == 8
    assert any("sharded over 2 GPUs (FSDP)" in reason for reason in plan.reasons)
    assert any("Fewer than 2 GPUs are enough on no pool" in reason for reason in plan.reasons)


def test_several_nodes_only_where_the_spec_says() -> None:
    pools = [pool(memory=80)]
    refused(job(training={"method": "full"}), shape("llama-3.1-8b"), pools)
    spec = job(training={"method": "full"}, hardware={"nodes": 4})
    plan = planned(spec, shape("llama-3.1-8b"), pools)
    assert (plan.gpus, plan.nodes) == (4, 4)


def test_gpus_asked_for_are_obeyed() -> None:
    spec = job(hardware={"gpus": 4})
    plan = planned(spec, shape("qwen2.5-0.5b"), [pool(memory=80, perNode=8)])
    assert plan.gpus == 4
    assert not plan.sharded
    assert any("data parallel" in reason for reason in plan.reasons)


def test_a_first_choice_with_too_few_gpus_is_passed_over() -> None:
    pools = [
        pool("single", 80, modelSize={"min": "0", "max": "9B"}),
        pool("quad", 80, perNode=4, hourlyPrice="9"),
    ]
    plan = planned(job(hardware={"gpus": 4}), shape("qwen2.5-0.5b"), pools)
    assert plan.pool == "quad"
    assert "cannot have 4 GPUs on single; quad is the cheapest larger pool" in plan.reasons[0]
    line = next(line for line in plan.considered if line.pool == "single")
    assert "single has 1 GPU per node" in line.reason


def test_a_t4_computes_in_fp16_and_keeps_master_weights() -> None:
    t4 = planned(job(), shape("qwen2.5-0.5b"), catalogue())
    assert t4.precision == "fp16"
    assert any("a T4 does not compute in bf16" in reason for reason in t4.reasons)
    # fp32 weights, gradients and two moments, the same as under bf16: 16 bytes a parameter.
    parts = t4.memory_gib.parts
    parameters = shape("qwen2.5-0.5b").parameters
    assert parts["weights"] + parts["optimizer"] == pytest.approx(12 * parameters / 2**30, abs=0.01)


def test_queued_where_the_pool_has_no_room() -> None:
    pools = changed(catalogue(), "t4-small", free=0)
    plan = planned(job(), shape("qwen2.5-0.5b"), pools)
    assert (plan.pool, plan.queued) == ("t4-small", True)
    assert any("t4-small has 0 free of one GPU needed" in reason for reason in plan.reasons)


@pytest.mark.parametrize("capacity", [{"free": 0, "nodes": 0}, {"free": None, "nodes": 3}])
def test_scaled_to_zero_and_unknown_count_as_room(capacity: dict[str, int | None]) -> None:
    pools = changed(catalogue(), "t4-small", **capacity)
    assert not planned(job(), shape("qwen2.5-0.5b"), pools).queued


def test_the_next_pool_where_the_spec_allows_it() -> None:
    spec = job(hardware={"whenFull": "NextPool"})
    pools = changed(catalogue(), "t4-small", free=0)
    plan = planned(spec, shape("qwen2.5-0.5b"), pools)
    assert (plan.pool, plan.queued) == ("t4-medium", False)
    assert "t4-small is the first choice and has no room now" in plan.reasons[0]
    assert {line.pool: line.verdict for line in plan.considered}["t4-small"] == "noRoom"


def test_with_room_nowhere_the_first_choice_is_waited_for() -> None:
    spec = job(hardware={"whenFull": "NextPool"})
    pools = catalogue()
    for each in pools:
        pools = changed(pools, each.name, free=0)
    plan = planned(spec, shape("qwen2.5-0.5b"), pools)
    assert (plan.pool, plan.queued) == ("t4-small", True)


def test_a_named_pool_without_room_is_waited_for() -> None:
    spec = job(hardware={"pool": "t4-small", "whenFull": "NextPool"})
    plan = planned(spec, shape("qwen2.5-0.5b"), changed(catalogue(), "t4-small", free=0))
    assert (plan.pool, plan.queued) == ("t4-small", True)


def test_the_output_claim_holds_what_training_writes() -> None:
    full = planned(job(), shape("qwen2.5-0.5b"), catalogue())
    lora = planned(job(), shape("qwen2.5-7b"), catalogue())
    merged = planned(job(output={"merge": True}), shape("qwen2.5-7b"), catalogue())
    assert full.output_gib >= 3 * 12 * 0.494 * 1e9 / 2**30
    assert lora.output_gib < merged.output_gib
    assert merged.output_gib >= 2 * 7.6 * 1e9 / 2**30
