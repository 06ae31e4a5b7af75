"""Each formula of the planner for round numbers, worked out by hand from its source in the docstring."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.kit.planning import job, pool, report

from dpojob_api.plan import Estimate
from dpojob_api.pool import GPU
from dpojob_api.report import Lengths, Percentiles
from dpojob_api.spec import Budget
from dpojob_planner.budget import affordable_work, budget_excess
from dpojob_planner.estimates import (
    CostModel,
    DeviceSettings,
    ModelShape,
    Strategy,
    TrainingOption,
    checkpoint_bytes,
    estimate_memory,
    gpus_per_job,
    host_memory_gib,
    precision,
    save_seconds,
    scratch_gib,
    sustained_flops,
    trained_parameters,
    usable_gib,
)
from dpojob_planner.estimates.activations import residual_element_bytes, saved_activation_bytes
from dpojob_planner.estimates.cost_model import training_passes
from dpojob_planner.estimates.gpu import (
    HALF_RATE_TOKENS,
    QLORA_SLOWDOWN,
    SECONDS_PER_LAYER_PASS,
    pass_seconds,
    token_flops,
)
from dpojob_planner.estimates.memory import adapter_parameters, optimizer_bytes
from dpojob_planner.estimates.training_work import padded_length, training_work

GIB = 2**30
SHAPE = ModelShape(
    parameters=1000 * GIB // 4, hidden=64, intermediate=256, layers=4, heads=8, queries=64, keys=32,
    vocabulary=1024, embeddings=1024 * 64, linear=800 * GIB // 4, adapter_per_rank=GIB, experts=0,
    experts_per_token=0, expert_intermediate=0, experts_adapted=False, head_norms=False, norms=2,
    eager_attention=False, active=10**9,
)  # fmt: skip
"""In fp32 1,000 GiB, of which 800 in the layers; an adapter of rank 1 has 2^30 parameters."""


def settings(method: Any = "full", **fields: Any) -> DeviceSettings:
    return DeviceSettings(**{"method": method, "pairs": 2, "length": 128, "rank": 2, **fields})


def in_gib(byte_count: float) -> float:
    return byte_count / GIB


def test_what_is_trained_and_its_moments() -> None:
    assert adapter_parameters(SHAPE, settings()) == 0
    assert adapter_parameters(SHAPE, settings("lora")) == 2 * GIB
    assert trained_parameters(SHAPE, settings()) == SHAPE.parameters
    assert trained_parameters(SHAPE, settings("qlora")) == 2 * GIB
    assert in_gib(optimizer_bytes(SHAPE, settings())) == 2000
    assert in_gib(optimizer_bytes(SHAPE, settings("lora"))) == 16
    eight_bit = settings(optimizer="adamw_8bit")
    trained, embedding = SHAPE.parameters, 1024 * 64
    assert optimizer_bytes(SHAPE, eight_bit) == 8 * embedding + 2.03125 * (trained - embedding)
    assert in_gib(optimizer_bytes(SHAPE, replace(eight_bit, method="lora"))) == 2 * 2.03125


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, {"weights": 1000, "optimizer": 2000, "reference": 1000, "gradients": 1000}),
        ({"precompute": True}, {"weights": 1000, "optimizer": 2000, "gradients": 1000}),
        ({"accumulated": False}, {"weights": 1000, "optimizer": 2000, "reference": 1000}),
        ({"replicas": 2}, {"weights": 1000, "optimizer": 2000, "reference": 1000, "gradients": 1000,
                           "buckets": 1000}),
        ({"shards": 4}, {"weights": 250, "optimizer": 500, "reference": 250, "gradients": 250}),
        ({"method": "lora"}, {"weights": 500, "adapters": 8, "optimizer": 16, "gradients": 8}),
        ({"method": "lora", "reference_adapter": True},
         {"weights": 500, "adapters": 8, "optimizer": 16, "gradients": 8, "reference": 8}),
        ({"method": "qlora"}, {"weights": 0.53 * 200 + 2 * 50, "adapters": 8, "optimizer": 16,
                               "gradients": 8}),
    ],
)  # fmt: skip
def test_memory_that_is_held_through_the_step(
    changes: dict[str, Any], parts: dict[str, float]
) -> None:
    found = estimate_memory(SHAPE, settings(**changes)).parts
    held = ("weights", "adapters", "optimizer", "reference", "gradients", "buckets")
    assert {name: found[name] for name in held if name in found} == pytest.approx(parts)


def test_activations_of_a_layer_are_counted_by_hand() -> None:
    tokens = 2 * 2 * 128
    # Two norms of fp32 twice, 10 bytes of hidden inputs, queries and keys, the MLP; the mask.
    full = (2 * 2 * 4 + 10) * 64 + 10 * 64 + 8 * 256
    layer = tokens * full + 4 * 2 * 128**2
    assert saved_activation_bytes(SHAPE, settings(checkpointing=False)) == (4 * layer, layer)
    assert saved_activation_bytes(SHAPE, settings()) == (4 * 4 * tokens * 64, layer)
    lora = (2 * 2 * 2 + 10) * 64 + 10 * 64 + 8 * 256 + 14 * 2
    assert saved_activation_bytes(SHAPE, settings("lora"))[1] == tokens * lora + 4 * 2 * 128**2
    normed = replace(SHAPE, head_norms=True)
    assert saved_activation_bytes(normed, settings())[1] == layer + tokens * 6 * (64 + 32)
    assert saved_activation_bytes(normed, settings("lora"))[1] == (
        tokens * (lora + 4 * (64 + 32)) + 4 * 2 * 128**2
    )
    assert (residual_element_bytes(settings()), residual_element_bytes(settings("lora"))) == (4, 2)


def test_a_checkpoint_has_twelve_bytes_a_trained_parameter() -> None:
    assert in_gib(checkpoint_bytes(SHAPE, settings())) == 3000
    assert in_gib(checkpoint_bytes(SHAPE, settings("lora"))) == 24
    assert save_seconds(SHAPE, settings("lora")) == 24 * 1024 / 125


@pytest.mark.parametrize(
    ("method", "changes", "processes", "expected"),
    [
        ("lora", {}, 1, 3),
        ("lora", {}, 4, 9),
    ],
)
def test_main_memory(method: str, changes: dict[str, Any], processes: int, expected: int) -> None:
    found = host_memory_gib(
        job(output={"merge": False}), SHAPE, settings(method, **changes), processes
    )
    assert found == expected


def test_a_machine_without_a_gpu_trains_in_its_main_memory() -> None:
    spec = job(output={"merge": False})
    assert host_memory_gib(spec, SHAPE, settings("lora"), 1, training_gib=10.5) == 14


@pytest.mark.parametrize(
    ("spec", "facts", "method", "expected"),
    [
        ({}, {}, "lora", 4 + 550),
        ({}, {"weight_bytes": 95 * GIB}, "lora", 4 + 105),
        ({}, {"weight_bytes": 100 * GIB, "adapter": True}, "lora", 4 + 550),
        ({}, {"adapter": True}, "full", 4 + 1651),  # 1.1 x 1,500 is a little above 1,650
        ({"model": {"volume": {"claimName": "c"}}}, {}, "lora", 4),
        ({"output": {"push": "me/it", "merge": False}}, {}, "lora", 4 + 550 + 7),
        ({"output": {"push": "me/it", "merge": True}}, {}, "lora", 4 + 550 + 7 + 9),
        ({"output": {"push": "me/it", "volume": {"claimName": "c"}}}, {}, "lora", 4 + 550),
    ],
)
def test_scratch_space(
    spec: dict[str, Any], facts: dict[str, Any], method: str, expected: int
) -> None:
    model = report(10).model
    assert model is not None
    known = model.model_copy(update=facts)
    assert scratch_gib(job(**spec), known, SHAPE, settings(method), 7) == expected


def test_a_forward_has_two_operations_a_parameter_and_attention_over_half_the_row() -> None:
    assert token_flops(SHAPE, 100.0) == 2e9 + 2 * 4 * 64 * 100
    flops = token_flops(SHAPE, 100.0)
    plain = (1000 + HALF_RATE_TOKENS) * flops / 1e12 + 4 * SECONDS_PER_LAYER_PASS
    assert pass_seconds(SHAPE, "lora", 1000, 100.0, 1e12) == pytest.approx(plain)
    assert pass_seconds(SHAPE, "qlora", 1000, 100.0, 1e12) == pytest.approx(QLORA_SLOWDOWN * plain)


@pytest.mark.parametrize(
    ("method", "checkpointing", "precompute", "passes"),
    [("full", False, False, 4), ("full", True, False, 5), ("full", False, True, 3),
     ("lora", False, False, 3), ("qlora", True, True, 3)],
)  # fmt: skip
def test_the_passes_of_a_step(
    method: Any, checkpointing: bool, precompute: bool, passes: float
) -> None:
    option = TrainingOption(
        Strategy(method, precompute), settings(method, checkpointing=checkpointing), 1, 1
    )
    assert training_passes(option) == passes


@pytest.mark.parametrize(("gpus", "share"), [(1, 1.0), (2, 2 * 0.9), (4, 4 * 0.9)])
def test_several_gpus_reach_nine_tenths_of_the_sum_of_their_rates(gpus: int, share: float) -> None:
    spec = job(training={"batchSize": 8, "maxLength": 128})
    option = TrainingOption(Strategy("lora"), settings("lora"), 1, gpus)
    made = CostModel(spec, report(10), SHAPE, pool().spec, option)
    one = pass_seconds(SHAPE, "lora", 2 * 2 * 128, 128.0, 100e12)
    # 8 pairs in micro-batches of 2: 4 times forward, backward, recomputation and reference.
    assert made.step_seconds() == pytest.approx(4 * 4 * one / share)
    assert replace(
        made, report=made.report.model_copy(update={"eval_rows": 20})
    ).evaluation_seconds() == (pytest.approx(20 / 2 * 2 * one / share))
    assert made.reference_seconds() == 0


@pytest.mark.parametrize(
    ("rows", "batch", "epochs", "steps"),
    [(100, 8, 1, 13), (96, 8, 1, 12), (96, 8, 2.5, 30), (96, 8, 0.1, 2), (0, 8, 1, 0)],
)
def test_the_steps_of_a_run(rows: int, batch: int, epochs: float, steps: int) -> None:
    spec = job(training={"batchSize": batch, "epochs": epochs})
    assert training_work(spec, report(10, rows)).steps == steps


LENGTHS = Percentiles(p50=100, p95=200, p99=300, max=400, mean=110)


@pytest.mark.parametrize(
    ("pairs", "length"),
    [(1, 100), (3, 100 + 100 * (0.75 - 0.5) / 0.45), (19, 200), (99, 300),
     (199, 300 + 100 * (0.995 - 0.99) / 0.01)],
)  # fmt: skip
def test_a_batch_is_padded_to_the_quantile_of_its_longest_row(pairs: int, length: float) -> None:
    assert padded_length(Lengths(unit="tokens", longest=LENGTHS), pairs, 1024) == pytest.approx(
        length
    )


def test_a_padded_length_is_within_one_token_and_the_limit() -> None:
    assert padded_length(Lengths(unit="tokens", longest=LENGTHS), 1, 64) == 64
    short = Percentiles(p50=0, p95=0, p99=0, max=1, mean=0)
    assert padded_length(Lengths(unit="tokens", longest=short), 1, 64) == 1


def gpu(**fields: Any) -> GPU:
    return GPU.model_validate({"model": "Test", "memoryGiB": 16, **fields})


def test_the_precision_of_a_gpu_and_of_a_processor() -> None:
    assert precision(gpu(bf16=True), 10) == "bf16"
    assert precision(gpu(bf16=False), 10) == "fp16"
    assert precision(gpu(model="CPU", bf16=True), 10) == "fp32"
    assert precision(gpu(model="CPU", bf16=False), 10**12) == "fp32"
    assert precision(gpu(model="CPU", bf16=True), 10**12) == "bf16"


def test_a_rate_that_is_written_counts_and_gpus_of_a_node_are_used() -> None:
    assert sustained_flops(gpu(teraflops=3)) == 3e12
    assert gpus_per_job(gpu(perNode=8)) == 8
    assert 0 < usable_gib(gpu()) < 16


@pytest.mark.parametrize(
    ("budget", "hours", "cost", "expected"),
    [
        ({}, 9, "9", None),
        ({"maxCost": "2.00"}, 1, "2.00", None),
        ({"maxCost": "2.00"}, 1, "2.004", None),
        ({"maxCost": "2.00"}, 1, "2.01", "costs about 2.01, 0.01 more than budget.maxCost 2.00"),
        ({"maxDuration": "1h"}, 1, "0", None),
        ({"maxDuration": "1h"}, 1.0001, "0", None),
        ({"maxDuration": "1h"}, 1.5, "0", "takes about 1h30m, 30m more than budget.maxDuration 1h"),
        ({"maxDuration": "1h", "maxCost": "1"}, 2, "3",
         "costs about 3.00, 2.00 more than budget.maxCost 1 and "
         "takes about 2h, 1h more than budget.maxDuration 1h"),
    ],
)  # fmt: skip
def test_by_how_much_a_budget_is_exceeded(
    budget: dict[str, str], hours: float, cost: str, expected: str | None
) -> None:
    estimate = Estimate(hours=hours, cost=Decimal(cost))
    assert budget_excess(Budget.model_validate(budget), estimate) == expected


@pytest.mark.parametrize(
    ("limit", "epochs", "rows"),
    [("4.80", 2.0, 48), ("2.40", 1.0, 24), ("0.03", 0.01, None), ("0.01", None, None), ("0.20", 0.08, None),
     ("0.40", 0.16, None), ("1.60", 0.66, 16)],
)  # fmt: skip
def test_the_work_that_a_budget_allows(limit: str, epochs: float | None, rows: int | None) -> None:
    """A pair costs 0.05 an epoch; two epochs over six batches of eight pairs are asked for."""

    def estimate(epochs: float, rows: int) -> Estimate:
        return Estimate(hours=0.0, cost=Decimal(str(round(0.05 * epochs * rows, 4))))

    found = affordable_work(Budget(max_cost=limit), 2.0, 6, 8, estimate)
    assert (found.epochs, found.rows) == (epochs, rows)
