"""How far the tuned model is from the one before: the Kullback-Leibler divergence of their next tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from .generation import tokenize_prompt
from .models import ModelPair

MAX_TOKENS = 512
"""Tokens of a prompt and its answer that are compared; it bounds the memory of the logits."""


def kl_per_token(pair: ModelPair, rows: Sequence[dict[str, Any]]) -> float | None:
    """The mean divergence of the tuned model's next token from that of the model before.

    At every token of a held-out chosen answer it is the sum over the whole vocabulary of
    p log(p / q), where p is the tuned model's distribution and q the other's: exact, not an estimate from
    samples.

    Args:
        pair: Both models.
        rows: Rows as TRL takes them.

    Returns:
        Nats per token; None where no answer has a token within the limit.
    """
    total, count = 0.0, 0
    for row in rows:
        ids, begin = _tokens(pair.tokenizer, row)
        if begin >= len(ids):
            continue
        with pair.after() as model:
            tuned = _log_probabilities(model, ids, begin)
        with pair.before() as model:
            original = _log_probabilities(model, ids, begin)
        # A model whose tokens were added in training has more rows than the one before.
        width = min(tuned.shape[1], original.shape[1])
        total += float(
            F.kl_div(original[:, :width], tuned[:, :width], log_target=True, reduction="sum")
        )
        count += len(ids) - begin
    return max(0.0, total / count) if count else None


def _tokens(tokenizer: Any, row: dict[str, Any]) -> tuple[list[int], int]:
    """A prompt with its chosen answer as tokens, cut to the limit, and where the answer begins."""
    prompt = tokenize_prompt(tokenizer, row)
    if isinstance(row["prompt"], str):
        whole = prompt + tokenizer(row["chosen"], add_special_tokens=False)["input_ids"]
        return whole[:MAX_TOKENS], max(1, len(prompt))
    tools = json.loads(row["tools"]) if row.get("tools") else None
    whole = tokenizer.apply_chat_template(
        row["prompt"] + row["chosen"], tools=tools, tokenize=True, return_dict=True
    )["input_ids"]
    pairs = zip(prompt, whole, strict=False)
    begin = next((at for at, (one, other) in enumerate(pairs) if one != other), len(prompt))
    return whole[:MAX_TOKENS], max(1, begin)


def _log_probabilities(model: Any, ids: list[int], begin: int) -> torch.Tensor:
    """Compute the logarithm of each next token's probability, by token of the answer."""
    tokens = torch.tensor([ids], device=model.device)
    with torch.no_grad():
        logits = model(input_ids=tokens, use_cache=False).logits[0, begin - 1 : -1]
    return F.log_softmax(logits.float(), dim=-1)
