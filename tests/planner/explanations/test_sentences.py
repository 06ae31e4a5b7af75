"""What plans, refusals and pools' lines say, by their figures."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from tests.kit.planning import catalogue, job, planned, pool, refused, shape

from dpojob_api.plan import Plan
from dpojob_api.quantity import format_duration
from dpojob_planner import out_of_memory_advice
from dpojob_planner.estimates import MEMORY_MARGIN

B = 10**9
SMALL = "qwen2.5-0.5b"
LARGE = [pool(memory=80)]


def reason(plan: Plan, part: str) -> str:
    (found,) = [each for each in plan.reasons if part in each]
    return found


def test_the_reason_on_checkpointing_is_that_of_the_plan() -> None:
    tight = planned(job(training={"method": "full"}), B, [pool(memory=24)])
    roomy = planned(job(training={"method": "lora", "maxLength": 64}), shape(SMALL), LARGE)
    assert (tight.gradient_checkpointing, roomy.gradient_checkpointing) == (True, False)
    assert "on: activations would not fit" in reason(tight, "Gradient checkpointing is")
    assert "off: activations fit" in reason(roomy, "Gradient checkpointing is")


def test_the_price_is_that_of_the_estimate() -> None:
    plan = planned(job(), shape(SMALL), LARGE)
    duration = format_duration(plan.estimate.hours * 3600)
    assert f" in {duration} at 2 per GPU and hour" in reason(plan, "About")


def test_a_precomputed_reference_saves_a_part_of_the_time() -> None:
    plan = planned(job(training={"method": "lora", "epochs": 3}), shape(SMALL), LARGE)
    assert plan.precompute_reference
    saved = reason(plan, "computed once").split("saves ")[1].split("%")[0]
    assert 2 <= int(saved) < 50


@pytest.mark.parametrize(("rows", "known"), [(10_000, True), (0, False)])
def test_a_pool_has_hours_and_a_cost_where_the_pairs_are_counted(rows: int, known: bool) -> None:
    (line,) = planned(job(), shape(SMALL), LARGE, rows).considered
    assert (line.hours is not None, line.cost is not None) == (known, known)


@pytest.mark.parametrize(
    ("training", "output", "bytes_"),
    [({"method": "full"}, {}, (3 * 12 + 4) * B), ({"method": "full"}, {"merge": False}, 40 * B)],
)
def test_the_output_holds_three_checkpoints_and_the_model(
    training: dict[str, Any], output: dict[str, Any], bytes_: int
) -> None:
    plan = planned(job(training=training, output=output), B, LARGE)
    assert plan.output_gib == math.ceil(1.1 * bytes_ / 2**30) + 1


def test_a_merged_adapter_adds_the_model_to_the_output() -> None:
    apart = planned(job(training={"method": "lora"}, output={"merge": False}), 10 * B, LARGE)
    merged = planned(job(training={"method": "lora"}, output={"merge": True}), 10 * B, LARGE)
    assert merged.output_gib - apart.output_gib in (20, 21)  # 1.1 x 2 bytes x 10^10 in GiB: 20.5


@pytest.mark.parametrize(
    ("batch", "gpus", "numbers"),
    [(8, 3, "use 1, 2, 4 or 8 GPUs"), (2, 3, "use 1 or 2 GPUs"), (1, 2, "use 1 GPUs")],
)
def test_numbers_of_gpus_that_divide_the_batch(batch: int, gpus: int, numbers: str) -> None:
    spec = job(training={"batchSize": batch}, hardware={"gpus": gpus})
    assert numbers in refused(spec, B, [pool(perNode=8)]).error


def test_nodes_that_would_have_the_gpus() -> None:
    spec = job(training={"batchSize": 16}, hardware={"gpus": 16, "nodes": 1})
    error = refused(spec, B, [pool(perNode=8)]).error
    assert "has 8 GPUs per node, so at most 8" in error
    assert "set hardware.nodes to 2." in error


@pytest.mark.parametrize(
    ("hardware", "where"), [({}, "any open pool"), ({"pool": "one"}, "one")]
)  # fmt: skip
def test_where_a_model_does_not_fit(hardware: dict[str, str], where: str) -> None:
    refusal = refused(job(hardware=hardware), 70 * B, [pool(memory=8)])
    assert f"parameters does not fit on {where}: the least" in refusal.error


@pytest.mark.parametrize(
    ("batch", "text"), [(1, "QLoRA with 1 pair per GPU at"), (2, "1 pair per GPU and 2 accumulation steps at")]
)  # fmt: skip
def test_accumulation_is_named_where_there_is_any(batch: int, text: str) -> None:
    refusal = refused(job(training={"batchSize": batch}), 70 * B, [pool(memory=8)])
    assert text in refusal.error


def with_memory(plan: Plan, **changes: Any) -> Plan:
    memory = plan.memory_gib.model_copy(update=changes)
    return plan.model_copy(update={"memory_gib": memory})


@pytest.mark.parametrize(
    ("peak", "advice"),
    [
        # 0.92 x 10 GiB may be filled, of which 1 is constant: 8.2 of 16.4 and of 28.8 are left.
        (17.4, "training.maxLength 448"),
        (19.386, "training.maxLength 384"),  # 445 tokens, in whole 64
        (29.8, "training.maxLength 256"),
        (34.0, None),  # below a quarter
    ],
)
def test_a_shorter_length_is_proposed_down_to_a_quarter(peak: float, advice: str | None) -> None:
    plan = planned(job(training={"method": "qlora"}), shape(SMALL), LARGE)
    parts = {"weights": 1.0, "activations": 8.0}
    tight = with_memory(plan, needed=9.0, available=10.0, parts=parts)
    alone = tight.model_copy(update={"max_length": 1000, "considered": []})
    found = out_of_memory_advice(alone, peak)
    assert (f"What would fit: {advice}." if advice else "No smaller setting") in found


def test_a_larger_pool_is_proposed_from_what_it_may_fill() -> None:
    plan = planned(job(training={"method": "qlora"}), shape(SMALL), catalogue())
    line = plan.considered[0]
    other = line.model_copy(update={"pool": "other", "available": 50.0})
    offered = plan.model_copy(update={"considered": [other]})
    fillable = (1.0 - MEMORY_MARGIN) * 50.0
    assert "hardware.pool other (50.0 GiB per GPU)" in out_of_memory_advice(offered, fillable)
    assert "hardware.pool" not in out_of_memory_advice(offered, fillable + 0.01)
    itself = offered.model_copy(update={"pool": "other"})
    assert "hardware.pool" not in out_of_memory_advice(itself, fillable)


def test_a_dearer_pool_may_have_the_same_price() -> None:
    full, free = replace(pool("a"), free=0, nodes=1), replace(pool("b"), free=1, nodes=1)
    spec = job(hardware={"whenFull": "NextPool"})
    assert planned(spec, shape(SMALL), [full, free]).pool == "b"
