"""Samples: the same prompts answered before, during and after training."""

from __future__ import annotations

import contextlib
import json
import logging
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from dpojob_api.progress import Sample
from dpojob_trainer.training.setup.errors import one_line
from dpojob_trainer.training.sharding import is_sharded

from .data import prompt_text

log = logging.getLogger(__name__)
DEFAULT_COUNT = 3
"""Prompts taken from the evaluation set when the user names none."""
NEW_TOKENS = 96
"""The longest answer, in tokens."""
FILE = "samples.json"


class Samples:
    """Answers by step, kept on disk so that a resumed run still has the first ones.

    `key` identifies the training; answers that another one left on disk are ignored.
    """

    def __init__(self, prompts: list[Any], path: Path, key: str, *, writes: bool) -> None:
        self.prompts = prompts
        self.answers: dict[int, list[str]] = {}
        self._path = path
        self._key = key
        self._writes = writes
        with contextlib.suppress(OSError, ValueError, KeyError):
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["prompts"] == prompts and kept["key"] == key:
                self.answers = {int(step): texts for step, texts in kept["answers"].items()}

    def discard_after(self, step: int) -> None:
        """Discard answers of later steps than `step`, whose weights are not those of this run."""
        self.answers = {at: texts for at, texts in self.answers.items() if at <= step}

    def generate(self, step: int, model: Any, tokenizer: Any) -> None:
        """Answer every prompt with the model's current weights, once per step.

        Decoding is greedy and the random state is restored, so that samples do not change the run.
        """
        if not self.prompts or step in self.answers:
            return
        training = model.training
        model.eval()
        with torch.random.fork_rng(), torch.no_grad():
            self.answers[step] = [_answer(model, tokenizer, prompt) for prompt in self.prompts]
        model.train(training)
        if self._writes:
            kept = {"key": self._key, "prompts": self.prompts, "answers": self.answers}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(kept), encoding="utf-8")

    def pairs(self) -> list[Sample]:
        """Answers before and after training, for the resource; `after` is None until the run has ended."""
        if not self.answers:
            return []
        first, last = min(self.answers), max(self.answers)
        return [
            Sample(
                prompt=prompt_text(prompt),
                before=self.answers[first][i],
                after=self.answers[last][i] if last > first else None,
            )
            for i, prompt in enumerate(self.prompts)
        ]


def choose_prompts(requested: list[str], rows: Any, *, conversational: bool) -> list[Any]:
    """The user's prompts, or the first few of `rows`."""
    if not requested:
        seen: list[Any] = []
        for row in rows:
            if row["prompt"] not in seen:
                seen.append(row["prompt"])
            if len(seen) == DEFAULT_COUNT:
                break
        return seen
    if conversational:
        return [[{"role": "user", "content": text}] for text in requested]
    return list(requested)


def _answer(model: Any, tokenizer: Any, prompt: Any) -> str:
    """The model's answer, or the error: a sample that fails must not end the training."""
    try:
        return _generate_answer(model, tokenizer, prompt)
    except Exception as error:
        log.warning("a sample has no answer", exc_info=True)
        return f"(no answer: {type(error).__name__}: {one_line(error)})"


def _generate_answer(model: Any, tokenizer: Any, prompt: Any) -> str:
    if isinstance(prompt, str):
        inputs = tokenizer(prompt, return_tensors="pt")
    else:
        inputs = tokenizer.apply_chat_template(
            prompt, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
    new_tokens = NEW_TOKENS
    # Models such as Mamba have no longest context.
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if context is not None:
        new_tokens = min(NEW_TOKENS, context // 2)
    inputs = {
        # A prompt that is too long keeps its end, where the question is.
        name: (tensor if context is None else tensor[:, new_tokens - context :]).to(model.device)
        for name, tensor in inputs.items()
        if name in ("input_ids", "attention_mask")
    }
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=new_tokens,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
        use_cache=True,
    )
    # The processes of a sharded model must run each forward together; transformers 5.23 does not recognise
    # the sharding, and numerics may end an answer earlier on one GPU than on another.
    tokens = model.generate(**inputs, generation_config=settings, synced_gpus=is_sharded(model))
    answer = tokens[0][inputs["input_ids"].shape[1] :]
    return str(tokenizer.decode(answer, skip_special_tokens=True)).strip()
