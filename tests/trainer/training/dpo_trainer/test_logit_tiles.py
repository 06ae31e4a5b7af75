"""What is computed from tiles of logits on a processor is what TRL computes, for every option of its head."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from trl.kernels.chunked_logprob import OPTIONAL_OUTPUTS, ChunkedLogProbFunction

from dpojob_trainer.training.dpo_trainer.trl_patches import logits_in_small_tiles

TOKENS, VOCABULARY, HIDDEN, TILE = 50, 70, 8, 16
"""The last tile of the vocabulary is not full."""
FIRST, LAST = slice(0, 15), slice(15, 30)
"""Tokens whose target is the first, and the last, of those with the largest logit."""
TRANSFORMATIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "temperature": {"temperature": 0.7},
    "scaled": {"logit_scale": 0.25},
    "capped": {"softcap": 2.0},
}


def head(
    outputs: tuple[str, ...],
    *,
    dtype: torch.dtype = torch.float32,
    temperature: float = 1.0,
    logit_scale: float = 1.0,
    softcap: float | None = None,
) -> list[torch.Tensor]:
    """All outputs of the head, and the gradients of its inputs where log-probabilities and entropy are weighted."""
    generator = torch.Generator().manual_seed(0)
    # Small whole numbers, of which many are equal: several tokens have the largest logit.
    hidden = torch.randint(-2, 3, (TOKENS, HIDDEN), generator=generator).to(dtype).requires_grad_()
    weight = torch.randint(-1, 2, (VOCABULARY, HIDDEN), generator=generator).to(dtype)
    weight.requires_grad_()
    targets = torch.randint(VOCABULARY, (TOKENS,), generator=generator)
    with torch.no_grad():
        logits = hidden @ weight.T
    targets[FIRST] = logits.max(-1).indices[FIRST]
    targets[LAST] = VOCABULARY - 1 - logits.flip(-1).max(-1).indices[LAST]
    found = ChunkedLogProbFunction.apply(
        hidden, weight, None, targets, temperature, TILE, softcap, logit_scale, outputs
    )
    weights = torch.linspace(0.1, 1.0, TOKENS)
    (found[0] * weights).sum().backward()
    assert hidden.grad is not None and weight.grad is not None
    return [each for each in (*found, hidden.grad, weight.grad) if each is not None]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("transformation", TRANSFORMATIONS)
@pytest.mark.parametrize("outputs", [OPTIONAL_OUTPUTS, ("entropy", "is_top1"), ()], ids=str)
def test_values_and_gradients_are_those_of_trl(
    outputs: tuple[str, ...], transformation: str, dtype: torch.dtype
) -> None:
    options = {"dtype": dtype, **TRANSFORMATIONS[transformation]}
    expected = head(("log_probs", *outputs), **options)
    with logits_in_small_tiles():
        found = head(("log_probs", *outputs), **options)
    assert len(found) == len(expected) == 3 + len(outputs)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_of_equal_logits_only_the_first_is_the_prediction() -> None:
    with logits_in_small_tiles():
        top = head(("log_probs", "is_top1"))[1]
    assert top[FIRST].all()
    assert not top[LAST].all()


def test_plain_logits_are_not_left_to_trl(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError

    monkeypatch.setattr("trl.kernels.chunked_logprob._forward_tile", refuse)
    monkeypatch.setattr("trl.kernels.chunked_logprob._backward_tile", refuse)
    with logits_in_small_tiles():
        head(("log_probs",))
