"""The mission's table, with all defaults and the catalogue that ships."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.kit.planning import catalogue, job, planned, pool, refused, shape

from dpojob_api.quantity import parse_count

B = 10**9

TABLE = [
    ("0.5B", "t4-small", "full", "fp16"),
    ("1.5B", "t4-medium", "lora", "fp16"),
    ("3B", "a10g-large", "lora", "bf16"),
    ("7B", "a100-large", "lora", "bf16"),
    ("8B", "a100-large", "lora", "bf16"),
    ("14B", "a100-large", "lora", "bf16"),
    ("32B", "a100-large", "qlora", "bf16"),
]


@pytest.mark.parametrize(("size", "pool", "method", "precision"), TABLE)
def test_nominal_sizes(size: str, pool: str, method: str, precision: str) -> None:
    plan = planned(job(), parse_count(size), catalogue())
    assert (plan.pool, plan.method, plan.precision) == (pool, method, precision)


@pytest.mark.parametrize(
    ("name", "pool", "method"),
    [
        ("qwen2.5-0.5b", "t4-small", "full"),
        ("qwen2.5-1.5b", "t4-medium", "lora"),
        ("qwen2.5-3b", "a10g-large", "lora"),
        ("qwen2.5-7b", "a100-large", "lora"),
        ("llama-3.1-8b", "a100-large", "lora"),
    ],
)
def test_real_models(name: str, pool: str, method: str) -> None:
    """Exact counts differ from the names: 494M is "0.5B"."""
    plan = planned(job(), shape(name), catalogue())
    assert (plan.pool, plan.method) == (pool, method)
    assert plan.per_device_batch_size * plan.gradient_accumulation == 8
    assert plan.memory_gib.needed <= plan.memory_gib.available


@pytest.mark.parametrize("size", [size for size, *_ in TABLE])
def test_the_number_of_pairs_changes_the_hours_and_not_the_settings(size: str) -> None:
    known, unknown = (
        planned(job(), parse_count(size), catalogue(), rows=rows) for rows in (12_859, 0)
    )
    assert known.estimate.hours > unknown.estimate.hours == 0
    same = ("pool", "method", "per_device_batch_size", "gradient_checkpointing")
    assert [getattr(known, name) for name in same] == [getattr(unknown, name) for name in same]


@pytest.mark.parametrize(
    ("parameters", "pool"),
    [
        (135_000_000, "t4-small"),  # SmolLM2: below every band
        (1_235_814_400, "t4-medium"),  # Llama-3.2-1B
        (2_614_341_888, "t4-medium"),  # gemma-2-2b
        (6_738_415_616, "a100-large"),  # Llama-2-7b: named 7B, counts 6.74B
    ],
)
def test_names_round_sizes(parameters: int, pool: str) -> None:
    assert planned(job(), parameters, catalogue()).pool == pool


def test_a_model_the_catalogue_cannot_hold_is_refused_with_the_size_it_needs() -> None:
    refusal = refused(job(), 70 * B, catalogue())
    assert refusal.reason == "NothingFits"
    assert "70B parameters" in refusal.error
    assert "a GPU of a100-large offers 39.2 GiB" in refusal.error
    assert "It takes a pool with GPUs of 50 GiB or more" in refusal.error
    assert {line.pool for line in refusal.considered} == {pool.name for pool in catalogue()}


def test_the_size_that_is_reported_to_fit_does_fit() -> None:
    larger = [pool for pool in catalogue() if pool.name == "a100-large"]
    gpu = larger[0].spec.gpu.model_copy(update={"memory_gib": 50})
    grown = [type(pool)(pool.name, pool.spec.model_copy(update={"gpu": gpu})) for pool in larger]
    assert planned(job(), 70 * B, grown).method == "qlora"


def test_a_named_pool_is_obeyed() -> None:
    """Qwen2.5-1.5B on a10g-small, 2 epochs, 5e-6."""
    spec = job(
        training={"epochs": 2, "learningRate": 5e-6}, hardware={"pool": "a10g-small", "gpus": 1}
    )
    plan = planned(spec, shape("qwen2.5-1.5b"), catalogue())
    assert (plan.pool, plan.gpus, plan.precision) == ("a10g-small", 1, "bf16")
    assert plan.estimate.steps == 2 * 1250
    assert plan.reasons[0] == (
        "The job names a10g-small in hardware.pool; the model has 1.5B parameters."
    )


def test_every_pool_is_accounted_for() -> None:
    plan = planned(job(), shape("qwen2.5-3b"), catalogue())
    found = {line.pool: line.verdict for line in plan.considered}
    assert found == {
        "t4-small": "tooSmall",
        "t4-medium": "tooSmall",
        "a10g-small": "notNamed",
        "a10g-large": "chosen",
        "a100-large": "fits",
    }
    assert all(line.reason.endswith(".") for line in plan.considered)
    assert all(reason.endswith(".") and reason[0].isupper() for reason in plan.reasons)


def test_a_model_outside_every_band_is_reported() -> None:
    reason = planned(job(), 135_000_000, catalogue()).reasons[0]
    assert reason == (
        "The model has 135M parameters, outside every pool's modelSize; the nearest is that of "
        "t4-small, for models of 0.5B to 1B."
    )


def test_a_machine_without_a_gpu_is_spoken_of_as_one() -> None:
    here = pool("local", gpu={"model": "CPU", "memoryGiB": 22, "bf16": False, "teraflops": 0.06})
    plan = planned(job(), 168_300, [replace(here, local=True)])
    assert plan.precision == "fp32"
    assert plan.reasons[0] == "The model has 168.3K parameters and is trained on this machine."
    assert [sentence for sentence in plan.reasons if "GPU" in sentence] == [
        "Precision is fp32: there is no GPU here."
    ]


@pytest.mark.parametrize(
    ("length", "arguments", "expected"),
    [
        (128, {}, "Attention is plain (eager), up to 128 tokens the quickest on a processor"),
        (129, {}, "Attention is torch's own (sdpa) where the architecture has it"),
        (
            128,
            {"model_init_kwargs": {"attn_implementation": "sdpa"}},
            "Attention is sdpa, as training.arguments says",
        ),
    ],
)
def test_attention_and_the_lm_head_are_recorded(
    length: int, arguments: dict[str, object], expected: str
) -> None:
    here = pool("local", gpu={"model": "CPU", "memoryGiB": 22, "bf16": False, "teraflops": 0.06})
    spec = job(training={"maxLength": length, "arguments": arguments})
    reasons = planned(spec, 168_300, [replace(here, local=True)]).reasons
    assert f"{expected}; the LM head scores the answers only, not prompts and padding." in reasons


def test_on_a_gpu_attention_is_sdpa_at_any_length() -> None:
    reasons = planned(job(training={"maxLength": 64}), 168_300, catalogue()).reasons
    assert any(sentence.startswith("Attention is torch's own (sdpa)") for sentence in reasons)


def test_a_processor_with_bf16_uses_it_for_models_that_gain_from_it() -> None:
    here = pool("local", gpu={"model": "CPU", "memoryGiB": 22, "bf16": True, "teraflops": 0.06})
    small, large = (planned(job(), size, [here]) for size in (168_300, 135_000_000))
    assert (small.precision, large.precision) == ("fp32", "bf16")
    assert (
        "Precision is bf16, which this processor computes in faster than in fp32." in large.reasons
    )
