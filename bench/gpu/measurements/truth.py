"""Whether the fast paths compute what the plain ones do, and whether training begins at the reference."""

from __future__ import annotations

from functools import partial
from typing import Any

from bench.gpu.cells import Cell, Context, Measure
from bench.gpu.models import MODELS, device
from bench.gpu.step import StepCase, measure_steps

SHAPE = "qwen2.5-0.5b"
PAIRS, LENGTH = 2, 512
TOKEN_TOLERANCE = 0.05
"""Largest difference of a token's log-probability: the head rounds logits to 16 bits."""
SUM_TOLERANCE = 0.005
"""Largest relative difference of a row's sum."""


def cells(rehearsal: bool) -> dict[Cell, Measure]:
    """The head, the mask, and the margin of the first step for each method."""
    found: dict[Cell, Measure] = {
        Cell("truth", "fused-head", 60.0): _fused_head,
        Cell("truth", "mask", 60.0): _mask,
    }
    for method in ("full", "lora"):
        found[Cell("truth", f"margin-{method}", 60.0)] = partial(_margin, method=method)
    return found


def _batch(context: Context) -> tuple[Any, Any, Any]:
    """Rows padded at the right to different lengths: ids, mask, labels of the answers."""
    import torch

    length = LENGTH // 32 if context.rehearsal else LENGTH
    vocabulary = _model(context).config.vocab_size
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(2, vocabulary, (2 * PAIRS, length), generator=generator)
    ends = torch.linspace(length // 2, length, 2 * PAIRS).long()
    mask = (torch.arange(length)[None, :] < ends[:, None]).long()
    labels = ids.masked_fill(mask == 0, -100)
    labels[:, : length // 4] = -100
    return ids.to(device()), mask.to(device()), labels.to(device())


def _model(context: Context) -> Any:
    return MODELS.get(SHAPE, "lora", context.rehearsal)


def _fused(context: Context, ids: Any, mask: Any, labels: Any) -> Any:
    """Log-probabilities per token by TRL's fused head."""
    import torch
    from trl.trainer.utils import add_fused_lm_head

    from dpojob_trainer.training.dpo_trainer.trl_patches import completion_logits_only

    model = _model(context)
    forward = model.forward
    try:
        with torch.no_grad(), completion_logits_only():
            add_fused_lm_head(model)
            return model(
                input_ids=ids, attention_mask=mask, labels=labels, fused_lm_head=True
            ).log_probs.float()
    finally:
        model.forward = forward


def _fused_head(context: Context) -> dict[str, Any]:
    """The fused head against full logits in fp32, from the same hidden states."""
    import torch

    ids, mask, labels = _batch(context)
    found = _fused(context, ids, mask, labels)
    model = _model(context)
    with torch.no_grad():
        states = model.model(input_ids=ids, attention_mask=mask, use_cache=False).last_hidden_state
        weight = model.lm_head.weight.float()
        rows = []
        for row, targets in zip(states[:, :-1].float(), labels[:, 1:], strict=True):
            chances = torch.log_softmax(row @ weight.T, dim=-1)
            picked = chances.gather(1, targets.clamp(min=0)[:, None])[:, 0]
            rows.append(picked.masked_fill(targets == -100, 0.0))
    return _compare(found, torch.stack(rows))


def _mask(context: Context) -> dict[str, Any]:
    """Rows padded at the right, with the mask and without it: causal attention never sees the padding."""
    ids, mask, labels = _batch(context)
    return _compare(_fused(context, ids, mask, labels), _fused(context, ids, None, labels))


def _compare(found: Any, expected: Any) -> dict[str, Any]:
    token = (found - expected).abs().max().item()
    sums = ((found.sum(1) - expected.sum(1)).abs() / expected.sum(1).abs()).max().item()
    if not (token <= TOKEN_TOLERANCE and sums <= SUM_TOLERANCE):
        raise RuntimeError(
            f"differs by {token:.3g} at a token (at most {TOKEN_TOLERANCE}) and by {sums:.3g} in a sum "
            f"(at most {SUM_TOLERANCE})"
        )
    return {"maxTokenDifference": token, "maxSumDifference": sums}


def _margin(context: Context, method: str) -> dict[str, Any]:
    """At the first step the policy is the reference, so the margin is exactly 0 and the loss ln 2."""
    length = LENGTH // 32 if context.rehearsal else LENGTH
    case = StepCase(SHAPE, method, PAIRS, length)
    first: dict[str, Any] = measure_steps(context, case, steps=1)["first"]
    if first["rewards/margins"] != 0:
        raise RuntimeError(f"the margin of the first step is {first['rewards/margins']}, not 0")
    return first
