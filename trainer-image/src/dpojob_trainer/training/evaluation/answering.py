"""Both models' answers to the same prompts, kept so that a later attempt continues with them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dpojob_api.shared_training_constants import ANSWER_BATCH
from dpojob_trainer.training.setup.resumable_file import ResumableFile

from .answers import Answer
from .generation import generate_answers
from .models import ModelPair


@dataclass(frozen=True)
class AnswerSettings:
    """How to answer."""

    new_tokens: int
    """The longest answer, tokens."""
    seed: int
    seconds: float | None = None
    """No batch is begun later than this; the answers are then fewer. None: no limit."""


def answer_both(
    pair: ModelPair,
    rows: Sequence[dict[str, Any]],
    settings: AnswerSettings,
    directory: Path,
) -> tuple[list[Answer], list[Answer]]:
    """Answer the prompts with the model before and with the tuned one.

    Args:
        pair: Both models.
        rows: Rows as TRL takes them.
        settings: How to answer.
        directory: Where the answers are kept.

    Returns:
        The answers of the model before, and those of the tuned model, to the first prompts of `rows`: to all
        of them where the time allows.
    """
    start = time.monotonic()
    found = []
    for number, (name, side) in enumerate((("before", pair.before), ("after", pair.after)), 1):
        identity = [pair.key, name, settings.new_tokens, settings.seed, [r["prompt"] for r in rows]]
        kept = ResumableFile(directory / f"{name}.jsonl", identity)
        first = len(kept.values)
        if first < len(rows):
            # A batch is answered as a whole.
            first -= first % ANSWER_BATCH
        kept.keep(first)
        with side() as model:
            for batch in generate_answers(
                model,
                pair.tokenizer,
                rows,
                new_tokens=settings.new_tokens,
                seed=settings.seed,
                first=first,
            ):
                kept.append([asdict(answer) for answer in batch])
                # Each model gets half of the time.
                limit = None if settings.seconds is None else number * settings.seconds / 2
                if limit is not None and time.monotonic() - start > limit:
                    break
        found.append([Answer(**value) for value in kept.values])
    both = min(map(len, found))
    return found[0][:both], found[1][:both]
