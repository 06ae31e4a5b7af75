"""TRL's fused LM head on a processor: what it computes from a tile of logits, in few passes over the tile.

TRL 1.16 leaves this to Triton on a GPU. Its functions for other devices make a new tensor for each operation, and the
tiles are large: for a small model that takes as long as the multiplication by the head's weights. These give the same
values; `bench/train/prefix_sharing.py` measures both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

TileFunction = Callable[..., None]
"""Works on a tile in place, with TRL's arguments."""


def fold_tile(
    trl: TileFunction,
    tile: torch.Tensor,
    stride: int,
    targets: torch.Tensor,
    running_max: torch.Tensor,
    sum_exp: torch.Tensor,
    x_sum_exp: torch.Tensor,
    sq_sum_exp: torch.Tensor,
    z_sum: torch.Tensor,
    max_before_target: torch.Tensor,
    target_logit: torch.Tensor,
    vocab_start: int,
    n_cols: int,
    **options: Any,
) -> None:
    """Add a tile of logits to the running sums of its tokens, as TRL's `_forward_tile`.

    Args:
        trl: That function, which is called where logits are scaled or capped.
        tile: Logits, (tokens, n_cols); undefined afterwards.
        stride: Of the tile's rows.
        targets: The token of the vocabulary whose log-probability is wanted, (tokens,).
        running_max: The largest logit so far, (tokens,); this and all below are changed in place.
        sum_exp: Sum of exp(logit - running_max).
        x_sum_exp: Sum of logit * exp(logit - running_max), for the entropy.
        sq_sum_exp: Sum of exp(logit - running_max) squared.
        z_sum: Sum of logits.
        max_before_target: The largest logit of a token before the target wherever it is the largest of its tile, so
            that `target_logit > max_before_target` and `target_logit >= running_max` say that the target is the
            first of the largest.
        target_logit: The target's logit.
        vocab_start: The first token of the tile.
        n_cols: Its tokens of the vocabulary.
        options: Of TRL: HAS_... for each optional sum, and the transformation of logits.
    """
    if _transforms_logits(options):
        sums = (running_max, sum_exp, x_sum_exp, sq_sum_exp, z_sum, max_before_target, target_logit)
        trl(tile, stride, targets, *sums, vocab_start, n_cols, **options)
        return
    logits = tile.float()
    place, inside = _places(targets, vocab_start, n_cols)
    target_logit.copy_(torch.where(inside, logits.gather(-1, place).squeeze(-1), target_logit))
    if options["HAS_MEAN_LOGITS"]:
        z_sum += logits.sum(-1)
    if options["HAS_IS_TOP1"]:
        largest, first = logits.max(-1)
        before = torch.maximum(max_before_target, largest)
        max_before_target.copy_(
            torch.where(first < targets - vocab_start, before, max_before_target)
        )
    else:
        largest = logits.amax(-1)
    new_max = torch.maximum(running_max, largest)
    rescale = torch.exp(running_max - new_max)
    if options["HAS_ENTROPY"]:
        exp = (logits - new_max.unsqueeze(-1)).exp_()
        x_sum_exp.mul_(rescale).add_(torch.linalg.vecdot(exp, logits))
    else:
        exp = logits.sub_(new_max.unsqueeze(-1)).exp_()
    sum_exp.mul_(rescale).add_(exp.sum(-1))
    if options["HAS_LOG_SUM_SQ_PROBS"]:
        sq_sum_exp.mul_(rescale * rescale).add_(torch.linalg.vecdot(exp, exp))
    running_max.copy_(new_max)


def differentiate_tile(
    trl: TileFunction,
    tile: torch.Tensor,
    stride: int,
    targets: torch.Tensor,
    log_z: torch.Tensor,
    entropy: torch.Tensor,
    grad_logprobs: torch.Tensor,
    grad_entropy: torch.Tensor,
    vocab_start: int,
    n_cols: int,
    **options: Any,
) -> None:
    """Replace a tile of logits by the gradient of the loss with respect to them, as TRL's `_backward_tile`.

    Args:
        trl: That function, which is called where logits are scaled or capped, or where the entropy has a gradient.
        tile: Logits, then gradients, (tokens, n_cols).
        stride: Of the tile's rows.
        targets: As in `fold_tile`.
        log_z: Logarithm of the sum of all exp(logit), (tokens,).
        entropy: Of each token's distribution, where it has a gradient.
        grad_logprobs: Gradient of the loss with respect to each target's log-probability.
        grad_entropy: With respect to the entropy, where it has one.
        vocab_start: The first token of the tile.
        n_cols: Its tokens of the vocabulary.
        options: Of TRL, as in `fold_tile`.
    """
    if (
        _transforms_logits(options)
        or options["HAS_ENTROPY_GRAD"]
        or not options["HAS_LOGPROB_GRAD"]
    ):
        sums = (log_z, entropy, grad_logprobs, grad_entropy)
        trl(tile, stride, targets, *sums, vocab_start, n_cols, **options)
        return
    # The gradient of log p(target) is 1 at the target, less the probability everywhere.
    gradient = tile.float()
    gradient.sub_(log_z.unsqueeze(-1)).exp_().mul_(-grad_logprobs.unsqueeze(-1))
    place, inside = _places(targets, vocab_start, n_cols)
    gradient.scatter_add_(-1, place, (grad_logprobs * inside).unsqueeze(-1))
    if gradient is not tile:
        tile.copy_(gradient)


def _transforms_logits(options: dict[str, Any]) -> bool:
    """Whether the model scales or caps its logits, which few families do."""
    scaled: bool = options["logit_scale"] * options["inv_t"] != 1.0
    return scaled or bool(options["HAS_SOFTCAP"])


def _places(
    targets: torch.Tensor, vocab_start: int, n_cols: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """The column of each target in the tile, (tokens, 1), and whether it is one, (tokens,)."""
    local = targets - vocab_start
    return local.clamp(0, n_cols - 1).unsqueeze(-1), (local >= 0) & (local < n_cols)
