"""With a cache the reference is computed ahead, also where that alone saves no time."""

from __future__ import annotations

from typing import Any

from tests.kit.planning import job, planned, pool, shape

CACHE: dict[str, Any] = {"cache": {"volume": {"claimName": "cache"}}}
LORA: dict[str, Any] = {"training": {"method": "lora"}}


def test_one_epoch_with_an_adapter_computes_the_reference_at_each_step_without_a_cache() -> None:
    assert not planned(job(**LORA), shape("qwen2.5-0.5b"), [pool()]).precompute_reference


def test_with_a_cache_it_is_computed_ahead_and_the_reason_says_where_it_is_kept() -> None:
    found = planned(job(**LORA, **CACHE), shape("qwen2.5-0.5b"), [pool()])
    assert found.precompute_reference
    assert "kept on the cache, where later jobs find them." in " ".join(found.reasons)
    share = found.estimate.reference_seconds / found.estimate.seconds()
    assert 0.05 < share < 0.5
    assert f"training takes about {share:.0%} less than estimated" in " ".join(found.reasons)


def test_of_data_of_unknown_length_no_share_is_said() -> None:
    found = planned(job(**LORA, **CACHE), shape("qwen2.5-0.5b"), [pool()], rows=0)
    assert "less than estimated" not in " ".join(found.reasons)


def test_a_reference_that_changes_while_training_is_not_kept() -> None:
    changing = {"training": {"method": "full", "arguments": {"sync_ref_model": True}}}
    found = planned(job(**changing, **CACHE), shape("qwen2.5-0.5b"), [pool(memory=80)])
    assert not found.precompute_reference
    assert "cache" not in " ".join(found.reasons)
