"""The memory model against the simulated peaks in bench/memory, and its terms one by one."""

from __future__ import annotations

import json
import runpy
import statistics
from typing import Any

import pytest
from tests.kit.planning import MEASURED, shape
from tests.kit.repository import ROOT

from dpojob_planner.estimates import GIB, DeviceSettings, estimate_memory, infer_model_shape
from dpojob_planner.estimates.memory import CUDA_CONTEXT_GIB

# The command that prints the same table.
COMPARE = runpy.run_path(str(ROOT / "bench" / "memory" / "compare.py"))

ROWS = COMPARE["rows"](json.loads(MEASURED.read_text()))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_never_far_below_the_measured_peak(row: Any) -> None:
    assert row.error >= -0.02, f"{row.predicted:.2f} GiB predicted, {row.measured:.2f} measured"


def test_within_ten_percent_on_the_median() -> None:
    assert statistics.median(abs(row.error) for row in ROWS) <= 0.10


def test_enough_was_measured() -> None:
    cases = json.loads(MEASURED.read_text())["cases"].values()
    settings = {(case["shape"], case["method"], case["pairs"]) for case in cases}
    assert len(settings) >= 12
    assert {case["method"] for case in cases} == {"full", "lora"}
    assert any(case["facts"]["experts"] for case in cases)
    assert any(case["precompute"] for case in cases)
    assert any(case["prompt"] for case in cases)
    shapes = {case["shape"] for case in cases}
    assert {"qwen2.5-0.5b", "qwen2.5-1.5b", "qwen2.5-3b", "qwen2.5-7b", "llama-3.1-8b"} <= shapes


def test_full_is_sixteen_bytes_a_parameter_and_four_for_the_reference() -> None:
    parts = estimate_memory(
        infer_model_shape(shape("qwen2.5-7b")), DeviceSettings("full", 1, 1024)
    ).parts
    gib = shape("qwen2.5-7b").parameters / 2**30
    assert parts["weights"] + parts["gradients"] + parts["optimizer"] == pytest.approx(16 * gib)
    assert parts["reference"] == pytest.approx(4 * gib)
    precomputed = estimate_memory(
        infer_model_shape(shape("qwen2.5-7b")), DeviceSettings("full", 1, 1024, precompute=True)
    )
    assert "reference" not in precomputed.parts


def test_lora_is_two_bytes_a_parameter_and_sixteen_an_adapter_parameter() -> None:
    facts = shape("qwen2.5-7b")
    parts = estimate_memory(
        infer_model_shape(facts), DeviceSettings("lora", 1, 1024, rank=16)
    ).parts
    adapters = 16 * facts.adapter_parameters_per_rank / 2**30
    assert parts["weights"] == pytest.approx(2 * facts.parameters / 2**30)
    assert parts["adapters"] + parts["gradients"] + parts["optimizer"] == pytest.approx(
        16 * adapters
    )


def test_qlora_quantises_the_matrices_and_leaves_the_embeddings() -> None:
    facts = shape("qwen2.5-7b")
    weights = estimate_memory(infer_model_shape(facts), DeviceSettings("qlora", 1, 1024)).parts[
        "weights"
    ]
    others = facts.parameters - facts.linear_parameters
    assert weights == pytest.approx((0.53 * facts.linear_parameters + 2 * others) / 2**30)


def test_stacked_experts_are_not_quantised() -> None:
    """bitsandbytes replaces linear modules; transformers keeps experts as stacked parameters."""
    facts = shape("olmoe-1b-7b")
    weights = estimate_memory(infer_model_shape(facts), DeviceSettings("qlora", 1, 1024)).parts[
        "weights"
    ]
    assert weights > 1.8 * facts.parameters / 2**30


def test_the_logits_of_a_large_vocabulary_stay_within_a_tile() -> None:
    """TRL 1.16 folds them tile by tile, so they no longer grow with the batch."""
    facts = infer_model_shape(shape("qwen2.5-0.5b"))
    small = estimate_memory(facts, DeviceSettings("lora", 4, 1024, checkpointing=False)).parts[
        "logits"
    ]
    large = estimate_memory(facts, DeviceSettings("lora", 32, 1024, checkpointing=False)).parts[
        "logits"
    ]
    assert large == small < 0.5


def test_context_and_fragmentation_come_on_top() -> None:
    found = estimate_memory(
        infer_model_shape(shape("qwen2.5-0.5b")), DeviceSettings("lora", 4, 1024)
    )
    assert found.parts["cudaContext"] == CUDA_CONTEXT_GIB
    assert found.parts["fragmentation"] > 0
    assert found.total_gib > found.tensors_gib + CUDA_CONTEXT_GIB


@pytest.mark.parametrize("method", ["full", "lora"])
def test_sharding_divides_what_lasts(method: str) -> None:
    facts = infer_model_shape(shape("llama-3.1-8b"))
    whole = estimate_memory(facts, DeviceSettings(method, 1, 1024)).parts  # type: ignore[arg-type]
    quarter = estimate_memory(facts, DeviceSettings(method, 1, 1024, shards=4)).parts  # type: ignore[arg-type]
    assert quarter["weights"] == pytest.approx(whole["weights"] / 4)
    assert quarter["optimizer"] == pytest.approx(whole["optimizer"] / 4)
    # The whole tensors are two layers in 16 bits, a gradient and its fp32 sum, and twice the LM head; no
    # more for the reference, which is gathered by layers too.
    trained = 6.0 if method == "full" else 0.0
    gathered = (4.0 + trained) * facts.layer + 4.0 * facts.head
    assert quarter["gathered"] == pytest.approx(gathered / GIB)
    assert quarter["gathered"] < whole["weights"]
