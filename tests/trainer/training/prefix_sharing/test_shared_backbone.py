"""With shared prefixes a model has the log-probabilities and gradients of TRL's rows, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.kit.training.prefix_batches import (
    FAMILY_SETTINGS,
    batch_of,
    forward,
    pairs,
    shared,
    tiny_model,
)
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from dpojob_api.shared_training_constants import PREFIX_SHARING_MODEL_TYPES
from dpojob_trainer.training.prefix_sharing import (
    SharedBackbone,
    attention_masks,
    layout_difference,
)
from dpojob_trainer.training.prefix_sharing.layout import SharedLayout, share_prefixes

pytestmark = pytest.mark.train
BATCH = batch_of(pairs([(20, 10, 14), (5, 30, 2), (33, 1, 20), (0, 6, 3)]))
LAYOUT = share_prefixes(BATCH["input_ids"], BATCH["attention_mask"])


def log_probs_and_gradients(
    model: Any, layout: dict[str, Any]
) -> tuple[torch.Tensor, torch.Tensor]:
    model.zero_grad()
    found = forward(model, BATCH, **layout).log_probs
    # Every token with a weight of its own, so that no two can be exchanged.
    (found * torch.linspace(0.1, 1.0, found.numel()).view_as(found)).sum().backward()
    gradients = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
    return found.detach(), torch.cat(gradients)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("model_type", PREFIX_SHARING_MODEL_TYPES)
def test_log_probabilities_and_gradients_are_those_of_separate_rows(
    model_type: str, attention: str
) -> None:
    if model_type == "gemma2" and attention == "sdpa":
        pytest.skip("transformers has no sdpa for it")
    model = shared(tiny_model(model_type, attention, **FAMILY_SETTINGS.get(model_type, {})))
    plain, plain_gradients = log_probs_and_gradients(model, {})
    found, gradients = log_probs_and_gradients(model, LAYOUT.model_inputs())
    assert torch.allclose(found, plain, atol=2e-5)
    assert float((gradients - plain_gradients).norm() / plain_gradients.norm()) < 1e-4


def test_the_load_balancing_loss_of_experts_is_that_of_separate_rows() -> None:
    model = shared(tiny_model("qwen3_moe", **FAMILY_SETTINGS["qwen3_moe"]))
    plain = forward(model, BATCH, output_router_logits=True).aux_loss
    found = forward(model, BATCH, output_router_logits=True, **LAYOUT.model_inputs()).aux_loss
    assert found.item() == pytest.approx(plain.item(), abs=1e-5)


def test_attention_computes_scores_for_fewer_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    queries: list[int] = []
    original = torch.nn.functional.scaled_dot_product_attention

    def count(query: Any, *args: Any, **options: Any) -> Any:
        queries.append(query.shape[0] * query.shape[2])
        return original(query, *args, **options)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", count)
    forward(shared(tiny_model("llama")), BATCH, **LAYOUT.model_inputs())
    assert set(queries) == {LAYOUT.ids.numel()}
    assert LAYOUT.ids.numel() < BATCH["input_ids"].numel()


def checkpointed(model: Any) -> Any:
    model.train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def test_recomputed_activations_have_the_same_gradients() -> None:
    model = shared(tiny_model("llama"))
    _, plain = log_probs_and_gradients(model, LAYOUT.model_inputs())
    _, recomputed = log_probs_and_gradients(checkpointed(model), LAYOUT.model_inputs())
    assert torch.allclose(recomputed, plain, atol=1e-6)


def test_a_failed_forward_leaves_the_masks_of_transformers_as_they_were() -> None:
    model = shared(tiny_model("llama"))
    before = ALL_MASK_ATTENTION_FUNCTIONS["sdpa"]

    def fail(*_: Any) -> None:
        raise RuntimeError("out of memory")

    handle = model.model.layers[1].register_forward_pre_hook(fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        forward(model, BATCH, **LAYOUT.model_inputs())
    assert ALL_MASK_ATTENTION_FUNCTIONS["sdpa"] is before
    handle.remove()
    plain = forward(model, BATCH).log_probs
    assert torch.allclose(
        forward(model, BATCH, **LAYOUT.model_inputs()).log_probs, plain, atol=2e-5
    )


def test_generation_is_unchanged() -> None:
    prompt = torch.tensor([[3, 4, 5]])
    options = {"max_new_tokens": 8, "do_sample": False, "attention_mask": torch.ones_like(prompt)}
    expected = tiny_model("llama").generate(prompt, **options)
    model = shared(tiny_model("llama"))
    forward(model, BATCH, **LAYOUT.model_inputs())
    assert torch.equal(model.generate(prompt, **options), expected)


def test_a_layout_is_ignored_once_sharing_is_given_up() -> None:
    model, backbone = tiny_model("llama"), SharedBackbone()
    backbone.attach(model, "sdpa")
    backbone.active = False
    shared(model)
    assert torch.equal(
        forward(model, BATCH, **LAYOUT.model_inputs()).log_probs, forward(model, BATCH).log_probs
    )


WITHOUT_POSITIONS: list[tuple[str, dict[str, Any]]] = [
    ("bloom", {}),
    ("mpt", {"d_model": 64, "n_heads": 4, "n_layers": 2}),
    ("gpt_neo", {"attention_types": [[["global", "local", "local"], 1]], "window_size": 8}),
    ("mamba", {}),
    ("lfm2", {"layer_types": ["conv", "full_attention", "conv"]}),
]
"""Families that take positions from the order of tokens, or carry state from one token to the next."""


@pytest.mark.parametrize(("model_type", "more"), WITHOUT_POSITIONS)
def test_a_model_that_needs_tokens_side_by_side_differs_by_more_than_is_tolerated(
    model_type: str, more: dict[str, Any]
) -> None:
    model = shared(tiny_model(model_type, "eager", **more))
    assert layout_difference(model, BATCH) > 1e-3


def test_a_model_that_reads_positions_differs_by_less_than_is_tolerated() -> None:
    assert layout_difference(shared(tiny_model("llama")), BATCH) < 1e-5


MUTANTS = {
    "rejected sees chosen": {"branches": LAYOUT.branches.clamp(max=1)},
    "positions go on in rejected": {
        "positions": torch.arange(LAYOUT.ids.shape[1]).expand_as(LAYOUT.ids)
    },
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_wrong_layout_is_seen(mutant: str) -> None:
    model = shared(tiny_model("llama"))
    fields = {name: getattr(LAYOUT, name) for name in ("ids", "positions", "branches", "sources")}
    wrong = SharedLayout(**{**fields, **MUTANTS[mutant]})
    plain = forward(model, BATCH).log_probs
    assert (forward(model, BATCH, **wrong.model_inputs()).log_probs - plain).abs().max() > 0.01


def test_a_window_is_measured_by_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    model = shared(tiny_model("mistral", sliding_window=8))
    plain = forward(model, BATCH).log_probs
    monkeypatch.setattr(
        attention_masks,
        "_keep_branches_apart",
        lambda pattern, layout: (
            lambda batch, head, query, key: (
                pattern(batch, head, query, key)
                & (
                    (layout.branches[batch, key] == 0)
                    | (layout.branches[batch, key] == layout.branches[batch, query])
                )
            )
        ),
    )
    by_index = forward(model, BATCH, **LAYOUT.model_inputs()).log_probs
    assert (by_index - plain).abs().max() > 0.01


def test_flash_attention_takes_no_such_mask() -> None:
    model = tiny_model("llama")
    with pytest.raises(ValueError, match="flash_attention_2 takes no mask of this kind"):
        SharedBackbone().attach(model, "flash_attention_2")
