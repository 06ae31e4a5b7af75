"""A model's shape from what inspection found, worked out by hand for round numbers."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from dpojob_api.report import ModelFacts
from dpojob_planner.estimates import ModelShape, infer_model_shape

ATTENTION = 2 * 64 * (64 + 32)
"""The attention parameters of a layer: queries and output, keys and values."""
ROUTER = 64 * 8
SHARED = 3 * 64 * 32
EXPERTS = 3 * 4 * 8 * 64 * 16
"""Three matrices of 64 x 16 in 8 experts of 4 layers."""
LINEAR = EXPERTS + 4 * (ATTENTION + ROUTER + SHARED)
IDLE = EXPERTS * 6 // 8
"""Parameters of the six experts that a token does not use."""
ATTENTION_PER_RANK = 4 * (2 * 64 + 2 * 64 + 2 * (64 + 32))
EXPERTS_PER_RANK = 4 * (64 + 8 * (3 * 64 + 5 * 16 + 1))
"""On the router, and on gate with up (at twice the rank) and down of every expert."""


def routed(**changes: Any) -> ModelShape:
    facts = {
        "parameters": LINEAR + 64_000, "linear_parameters": LINEAR, "embedding_parameters": 64_000,
        "active_parameters": LINEAR + 64_000 - IDLE, "hidden_size": 64, "layers": 4, "attention_heads": 8,
        "key_value_heads": 4, "head_dim": 8, "vocabulary": 1000, "experts": 8, "experts_per_token": 2,
        "model_type": "mixtral",
    }  # fmt: skip
    return infer_model_shape(ModelFacts.model_validate({**facts, **changes}))


def test_the_width_of_experts_follows_from_the_idle_parameters() -> None:
    found = routed()
    assert (found.expert_intermediate, found.expert_parameters) == (16, EXPERTS)
    assert found.intermediate == 32
    assert found.width == 32 + 2 * 16
    assert found.adapter_per_rank == ATTENTION_PER_RANK + 4 * 3 * (64 + 32) + EXPERTS_PER_RANK


def test_where_the_active_parameters_are_not_known_all_matrices_are_experts() -> None:
    for changes in ({"active_parameters": 0}, {"experts_per_token": 0}, {"experts_per_token": 8}):
        found = routed(**changes)
        assert found.expert_intermediate == LINEAR // (3 * 4 * 8 * 64)
        assert found.intermediate == 0


def test_experts_without_a_shared_one_have_no_adapter_beside_theirs() -> None:
    alone = LINEAR - 4 * SHARED
    found = routed(
        parameters=alone + 64_000, linear_parameters=alone, active_parameters=alone + 64_000 - IDLE
    )
    assert (found.intermediate, found.width) == (0, 2 * 16)
    assert found.adapter_per_rank == ATTENTION_PER_RANK + EXPERTS_PER_RANK


def test_experts_that_peft_does_not_reach_have_no_adapter() -> None:
    found = routed(model_type="qwen2_moe")
    assert not found.experts_adapted
    assert found.adapter_per_rank == ATTENTION_PER_RANK + 4 * 3 * (64 + 32)


def test_counts_are_whole_where_nothing_divides_evenly() -> None:
    found = routed(active_parameters=LINEAR + 64_000 - IDLE - 1, head_dim=0, attention_heads=7)
    counts = {field.name: getattr(found, field.name) for field in fields(found)}
    assert {name for name, count in counts.items() if not isinstance(count, int)} == set()
    assert found.queries == 7 * 9


def test_a_dense_layer_has_what_the_embeddings_leave() -> None:
    facts = ModelFacts(parameters=1_000_000, hidden_size=64, layers=4, vocabulary=1000)
    found = infer_model_shape(facts)
    assert (found.embeddings, found.head) == (64_000, 64_000)
    assert found.layer == (1_000_000 - 64_000) // 4
    assert (found.linear, found.intermediate) == (936_000, 224)
    assert found.tied
    assert not replace(found, embeddings=128_000).tied
