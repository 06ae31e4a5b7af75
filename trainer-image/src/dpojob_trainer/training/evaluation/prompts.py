"""Held-out rows whose prompts training has not seen, by normalised text."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from dpojob_api.shared_training_constants import EVERY_EVAL_PROMPTS, prompts_judged_during
from dpojob_api.spec import EvaluationSpec
from dpojob_trainer.inspection import accepted_rows, is_conversational
from dpojob_trainer.shared.preference_pair import as_messages
from dpojob_trainer.training.setup.arguments import judges_checkpoints
from dpojob_trainer.training.setup.train_job import TrainJob

from .judges import JudgeError


def judged_rows(
    job: TrainJob, spec: EvaluationSpec
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows that are judged at each evaluation of the training, and others for the verdict after it.

    A checkpoint that is chosen by its answers to some prompts looks better on these than it is, so the verdict
    is on others. At most a third of the prompts is judged during training.

    Args:
        job: The job.
        spec: Its spec.evaluation.

    Returns:
        The rows during training, none where no checkpoint is judged, and those after it.

    Raises:
        JudgeError: The file of prompts is missing, or a line of it is no prompt.
    """
    if not judges_checkpoints(job):
        return [], evaluation_rows(job, spec.prompts.max)
    rows = evaluation_rows(job, EVERY_EVAL_PROMPTS + spec.prompts.max)
    during = prompts_judged_during(len(rows))
    return rows[:during], rows[during:][: spec.prompts.max]


def evaluation_rows(job: TrainJob, limit: int) -> list[dict[str, Any]]:
    """The first prompts to evaluate on: different ones, none of which is also trained on.

    Args:
        job: The job, whose dataset is read again as inspection accepted it.
        limit: The largest number of rows.

    Returns:
        Held-out rows as TRL takes them, then rows with a prompt alone from evaluation.prompts.volume;
        fewer than `limit` where there are no more.

    Raises:
        JudgeError: The file of prompts is missing, or a line of it is no prompt.
    """
    spec = job.spec.evaluation
    held_out: Iterator[dict[str, Any]] = iter(())
    if job.report.eval_rows and (spec is None or spec.prompts.from_eval):
        held_out = _rows(job, "eval")
    if spec is not None and spec.prompts.volume is not None:
        path = job.path(spec.prompts.volume)
        held_out = chain(held_out, prompts_of_file(path, messages=is_conversational(job.report)))
    return unseen_rows(held_out, lambda: _rows(job, "train"), limit)


def prompts_of_file(path: Path, *, messages: bool) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file with the field `prompt`, as text or as messages.

    Args:
        path: The file.
        messages: Whether text becomes a user's message, as the model takes conversations.

    Yields:
        Rows with a prompt and no answers.

    Raises:
        JudgeError: There is no such file, or a line of it is no prompt.
    """
    try:
        lines = path.open("rb")
    except OSError as error:
        raise JudgeError(f"evaluation.prompts.volume: {path.name}: {error.strerror}") from error
    with lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            prompt = _prompt(line)
            if prompt is None:
                raise JudgeError(
                    f"evaluation.prompts.volume: line {number} of {path.name} holds no prompt; write a JSON object "
                    'such as {"prompt": "Where is the kite?"}'
                )
            yield {"prompt": as_messages(prompt, "user") if messages else prompt}


def _prompt(line: bytes) -> Any:
    """The prompt of a line, as text or as messages; None where it has none, or is not UTF-8."""
    try:
        prompt = json.loads(line.decode("utf-8"))["prompt"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if isinstance(prompt, str):
        return prompt or None
    if not isinstance(prompt, list) or not prompt:
        return None
    are_messages = all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in prompt)
    return prompt if are_messages else None


def unseen_rows(
    held_out: Iterable[dict[str, Any]], trained: Callable[[], Iterator[dict[str, Any]]], limit: int
) -> list[dict[str, Any]]:
    """Rows of `held_out` with different prompts that no row of `trained` has.

    Only the prompts of the candidates are kept in memory, not those of the training rows. The held-out rows
    are read in blocks, each twice as large as the one before, until enough are found: `trained` is read once
    for each block.

    Args:
        held_out: Rows that are held out.
        trained: Returns an iterator over the rows that are trained on.
        limit: The largest number of rows.

    Returns:
        At most `limit` rows, in the order of `held_out`.
    """
    unread = iter(held_out)
    found: dict[str, dict[str, Any]] = {}
    block = limit
    while len(found) < limit:
        block *= 2  # More than are needed, as some may also be trained on.
        candidates: dict[str, dict[str, Any]] = {}
        for row in unread:
            prompt = normalized(row["prompt"])
            if prompt not in found:
                candidates.setdefault(prompt, row)
            if len(candidates) == block:
                break
        if not candidates:
            break
        for row in trained():
            candidates.pop(normalized(row["prompt"]), None)
        found |= candidates
    return list(found.values())[:limit]


def normalized(prompt: Any) -> str:
    """A prompt's text for comparison, without differences in case, white space and Unicode encoding."""
    text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _rows(job: TrainJob, split: Any) -> Iterator[dict[str, Any]]:
    return accepted_rows(job.spec, job.report, job.volumes, split=split, token=job.token)
