"""The moments of a step that can be its peak of memory, each made the largest and worked out by hand.

The shape has next to nothing but what the moment holds; two pairs of 128 tokens are 512 tokens.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dpojob_planner.estimates import DeviceSettings, ModelShape, estimate_memory
from dpojob_planner.estimates.activations import saved_activation_bytes

TOKENS = 2 * 2 * 128
HIDDEN = TOKENS * 64
STREAM = {"full": 4 * HIDDEN, "lora": 2 * HIDDEN}
"""Bytes of the residual stream: fp32 weights, or 16-bit ones."""
TILE = 2 * TOKENS * (32768 + 64)
"""A tile of logits and of hidden states, in 16 bits."""
MASK = 3 * 2 * 256**2
"""The mask of two pairs with shared prefixes, each a row of 256: a byte and 16 bits an element."""
SHAPE = ModelShape(
    parameters=1024 * 64, hidden=64, intermediate=256, layers=4, heads=8, queries=64, keys=32,
    vocabulary=1024, embeddings=1024 * 64, linear=0, adapter_per_rank=0, experts=0, experts_per_token=0,
    expert_intermediate=0, experts_adapted=False, head_norms=False, norms=2, eager_attention=False,
    active=1024 * 64,
)  # fmt: skip
EXPERTS = replace(
    SHAPE, intermediate=0, experts=64, experts_per_token=2, expert_intermediate=4096,
    linear=3 * 4 * 64 * 64 * 4096, experts_adapted=True,
)  # fmt: skip
TRANSIENT = (
    "activations", "castWeights", "logits", "expertAdapters", "matrixGradient", "newGradients",
    "embeddingGradient",
)  # fmt: skip


def settings(method: Any = "full", **fields: Any) -> DeviceSettings:
    return DeviceSettings(method, 2, 128, **{"precompute": True, "rank": 2, **fields})


def peak(shape: ModelShape, settings: DeviceSettings) -> dict[str, float]:
    """The bytes of the largest moment."""
    parts = estimate_memory(shape, settings).parts
    return {name: parts[name] * 2**30 for name in TRANSIENT if name in parts}


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_backward_begins_at_the_lm_head(method: str) -> None:
    stored = 4 * STREAM[method]
    chunk, gradient = (2 * 64 * 32768, 4 * 1024 * 64) if method == "full" else (0, 0)
    assert peak(SHAPE, settings(method)) == pytest.approx(
        {"activations": stored + STREAM[method] + 4 * HIDDEN, "logits": TILE + chunk + gradient}
    )


def test_a_mask_of_shared_prefixes_is_held_with_the_activations() -> None:
    shared = peak(SHAPE, settings("lora", shared_prefixes=True))
    assert shared["activations"] == pytest.approx(5 * STREAM["lora"] + MASK + 4 * HIDDEN)


def test_the_reference_has_a_mask_of_its_own_beside_the_policys() -> None:
    found = peak(SHAPE, settings("lora", precompute=False, shared_prefixes=True))
    assert found == pytest.approx({"activations": 5 * STREAM["lora"] + 2 * MASK, "logits": TILE})


def test_the_reference_keeps_the_experts_with_their_adapters_of_the_policy() -> None:
    stacked = 2 * 3 * 4 * 64 * 64 * 4096
    found = peak(EXPERTS, settings("lora", precompute=False, checkpointing=False))
    assert found["expertAdapters"] == stacked


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_backward_of_a_layer_recomputes_it(method: str) -> None:
    wide = replace(SHAPE, intermediate=2**17)
    stored, layer = saved_activation_bytes(wide, settings(method))
    assert stored == 4 * STREAM[method]
    working = 6 * TOKENS * 2**17 + 4 * HIDDEN
    expected = {"activations": stored + working + layer}
    if method == "full":
        expected |= {"logits": 4 * 1024 * 64, "matrixGradient": 6 * 64 * 2**17}
    else:
        # The layer's input and output with their gradients.
        expected["activations"] += 15 * HIDDEN
    assert peak(wide, settings(method)) == pytest.approx(expected)


@pytest.mark.parametrize(("method", "element"), [("full", 4), ("lora", 2)])
def test_the_largest_matrix_of_experts_is_gate_and_up_of_all_of_them(
    method: str, element: int
) -> None:
    found = peak(EXPERTS, settings(method))
    assert found["matrixGradient"] == element * 2 * 64 * 64 * 4096
    stacked_layer = 2 * 3 * 64 * 64 * 4096
    assert found.get("expertAdapters", 0) == (0 if method == "full" else stacked_layer)


@pytest.mark.parametrize(
    ("method", "adapted", "copies"), [("full", True, 2), ("lora", True, 2), ("lora", False, 1)]
)
def test_a_token_is_kept_once_for_each_of_its_experts(
    method: str, adapted: bool, copies: int
) -> None:
    dense, routed = replace(EXPERTS, experts=0), replace(EXPERTS, experts_adapted=adapted)
    outputs, inputs = 64 + 3 * 4096, 64 + 4096
    kept = 2 * (outputs + (inputs if copies == 2 else 0)) + 3 * 64
    _, plain = saved_activation_bytes(dense, settings(method))
    _, found = saved_activation_bytes(routed, settings(method))
    assert found - plain == TOKENS * (4 if method == "full" else 2) * kept


@pytest.mark.parametrize(
    ("tied", "accumulated", "expected"),
    [
        (True, True, {"embeddingGradient": 12}),
        (True, False, {"newGradients": 4, "embeddingGradient": 8}),
        (False, False, {"newGradients": 8}),
    ],
)
def test_the_backward_ends_at_the_embedding(
    tied: bool, accumulated: bool, expected: dict[str, float]
) -> None:
    """In bytes of the embedding's parameters, which are nearly the whole model."""
    head = 2**24 * 64
    embeddings = head if tied else 2 * head
    large = replace(SHAPE, vocabulary=2**24, embeddings=embeddings, parameters=embeddings)
    found = peak(large, settings(accumulated=accumulated))
    assert {name: value / head for name, value in found.items()} == pytest.approx(expected)
