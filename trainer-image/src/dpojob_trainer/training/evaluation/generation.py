"""Answers to prompts, generated in batches with the model's own chat template and generation config."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from dpojob_api.shared_training_constants import ANSWER_BATCH

from .answers import Answer, repetition

log = logging.getLogger(__name__)


def tokenize_prompt(tokenizer: Any, row: dict[str, Any]) -> list[int]:
    """The tokens of a row's prompt, up to where the answer begins."""
    prompt = row["prompt"]
    if isinstance(prompt, str):
        return list(tokenizer(prompt)["input_ids"])
    tools = json.loads(row["tools"]) if row.get("tools") else None
    encoded = tokenizer.apply_chat_template(
        prompt, tools=tools, add_generation_prompt=True, tokenize=True, return_dict=True
    )
    return list(encoded["input_ids"])


def generate_answers(
    model: Any,
    tokenizer: Any,
    rows: Sequence[dict[str, Any]],
    *,
    new_tokens: int,
    seed: int,
    first: int = 0,
) -> Iterator[list[Answer]]:
    """Answer the prompts of `rows`, batch by batch.

    The batches and the seed of each are the same for every model, so that two models' answers differ by
    their weights alone. Where memory runs out, the batch is halved.

    Args:
        model: A causal language model in evaluation mode.
        tokenizer: Its tokenizer.
        rows: Rows as TRL takes them.
        new_tokens: The longest answer, tokens; less where the model's context is shorter than twice that.
        seed: The seed of the first batch, where the generation config samples.
        first: The row to begin with, the first of a batch.

    Yields:
        The answers of one batch, in the order of the rows.
    """
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if context is not None:
        new_tokens = min(new_tokens, context // 2)
    prompts = [tokenize_prompt(tokenizer, row) for row in rows]
    if context is not None:
        # A prompt that is too long keeps its end, where the question is.
        prompts = [ids[-(context - new_tokens) :] for ids in prompts]
    for begin in range(first, len(prompts), ANSWER_BATCH):
        batch = prompts[begin : begin + ANSWER_BATCH]
        yield _generate_halving(model, tokenizer, batch, new_tokens, seed + begin)


def _generate_halving(
    model: Any, tokenizer: Any, prompts: list[list[int]], new_tokens: int, seed: int
) -> list[Answer]:
    try:
        return _generate(model, tokenizer, prompts, new_tokens, seed)
    except torch.OutOfMemoryError:
        if len(prompts) == 1:
            raise
        log.warning("out of GPU memory while answering %d prompts: halving the batch", len(prompts))
    torch.cuda.empty_cache()
    half = len(prompts) // 2
    return [
        answer
        for part in (prompts[:half], prompts[half:])
        for answer in _generate_halving(model, tokenizer, part, new_tokens, seed)
    ]


def _generate(
    model: Any, tokenizer: Any, prompts: list[list[int]], new_tokens: int, seed: int
) -> list[Answer]:
    ends = _end_tokens(model, tokenizer)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
    width = max(map(len, prompts))
    ids = torch.tensor([[padding] * (width - len(p)) + p for p in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=ids.device)
    settings = copy.deepcopy(model.generation_config)
    settings.max_length, settings.max_new_tokens = None, new_tokens
    settings.eos_token_id, settings.pad_token_id = ends, padding
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        tokens = model.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
    return [_answer(tokenizer, row, ends) for row in tokens[:, width:].tolist()]


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """The tokens that end an answer: those of the generation config, and the tokenizer's own."""
    configured = model.generation_config.eos_token_id
    ends = configured if isinstance(configured, list) else [configured]
    return list(dict.fromkeys(e for e in [*ends, tokenizer.eos_token_id] if e is not None))


def _answer(tokenizer: Any, tokens: list[int], ends: list[int]) -> Answer:
    length = next((at for at, token in enumerate(tokens) if token in ends), len(tokens))
    kept = tokens[:length]
    return Answer(
        text=str(tokenizer.decode(kept, skip_special_tokens=True)).strip(),
        tokens=length,
        ended=length < len(tokens),
        repetition=repetition(kept),
    )
