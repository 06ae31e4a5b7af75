"""Prompts of an evaluation: held-out ones that training has not seen, by normalised text."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from dpojob_api.report import InspectionReport, Problem, ProblemCode
from dpojob_api.shared_training_constants import FEWEST_PROMPTS
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.shared.problem_text import warning
from dpojob_trainer.shared.rows.preference_pair import as_messages

from .accepted_rows import accepted_rows, is_conversational

FIRST_BLOCK = 1000
"""Fewest held-out prompts that are compared with those of the training in one pass over them."""


class PromptFileError(Exception):
    """The file of evaluation.prompts.volume is missing or holds what is no prompt; the message says which."""


def prompt_warnings(
    spec: DPOJobSpec, report: InspectionReport, volumes: Mapping[str, Path], token: str | None
) -> list[Problem]:
    """Warn where a judge will have too few prompts for a verdict; training does not need them.

    Args:
        spec: The job's spec.
        report: The report of its inspection, which is valid.
        volumes: The directory at which each claim is mounted.
        token: A token for the Hugging Face hub.

    Returns:
        At most one warning.
    """
    evaluation = spec.evaluation
    if evaluation is None or evaluation.judge is None:
        return []
    try:
        found = len(evaluation_rows(spec, report, volumes, FEWEST_PROMPTS, token=token))
    except PromptFileError as error:
        problem = str(error)
    else:
        # everyEval takes none of so few.
        if found >= FEWEST_PROMPTS:
            return []
        problem = (
            f"The held-out prompts are {found} once those that repeat or are trained on are left out, and a verdict "
            f"needs {FEWEST_PROMPTS}: hold out more pairs (dataset.eval), or name more prompts (evaluation.prompts.volume)"
        )
    return [
        warning(
            ProblemCode.UNUSABLE_PROMPTS,
            f"{problem}. As it is, the condition Improved will stay Unknown.",
        )
    ]


def evaluation_rows(
    spec: DPOJobSpec,
    report: InspectionReport,
    volumes: Mapping[str, Path],
    limit: int,
    *,
    token: str | None = None,
) -> list[dict[str, Any]]:
    """The first prompts to evaluate on: different ones, none of which is also trained on.

    Args:
        spec: The job's spec.
        report: The report of its inspection, which is valid.
        volumes: The directory at which each claim is mounted.
        limit: The largest number of rows.
        token: A token for the Hugging Face hub.

    Returns:
        Held-out rows as TRL takes them, then rows with a prompt alone from evaluation.prompts.volume;
        fewer than `limit` where there are no more.

    Raises:
        PromptFileError: The file of prompts is missing, or a line of it is no prompt.
    """
    evaluation = spec.evaluation
    held_out: Iterable[dict[str, Any]] = ()
    if report.eval_rows and (evaluation is None or evaluation.prompts.from_eval):
        held_out = _SplitRows(spec, report, volumes, "eval", token)
    place = None if evaluation is None else evaluation.prompts.volume
    if place is not None:
        root = volumes.get(place.claim_name)
        if root is None:
            raise PromptFileError(
                f"evaluation.prompts.volume: claim {place.claim_name} is not mounted"
            )
        path = root / place.path
        held_out = chain(held_out, prompts_of_file(path, messages=is_conversational(report)))
    return unseen_rows(held_out, _SplitRows(spec, report, volumes, "train", token), limit)


@dataclass(frozen=True)
class _SplitRows:
    """The accepted rows of a split, which are read again whenever they are iterated."""

    spec: DPOJobSpec
    report: InspectionReport
    volumes: Mapping[str, Path]
    split: Literal["train", "eval"]
    token: str | None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return accepted_rows(
            self.spec, self.report, self.volumes, split=self.split, token=self.token
        )


def prompts_of_file(path: Path, *, messages: bool) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file with the field `prompt`, as text or as messages.

    Args:
        path: The file.
        messages: Whether text becomes a user's message, as the model takes conversations.

    Yields:
        Rows with a prompt and no answers.

    Raises:
        PromptFileError: There is no such file, or a line of it is no prompt.
    """
    try:
        lines = path.open("rb")
    except OSError as error:
        raise PromptFileError(
            f"evaluation.prompts.volume: {path.name}: {error.strerror}"
        ) from error
    with lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            prompt = _prompt(line)
            if prompt is None:
                raise PromptFileError(
                    f"evaluation.prompts.volume: line {number} of {path.name} holds no prompt; write a JSON object "
                    'such as {"prompt": "Where is the kite?"}'
                )
            yield {"prompt": as_messages(prompt, "user") if messages else prompt}


def _prompt(line: bytes) -> Any:
    """The prompt of a line, as text or as messages; None where it has none, or is not UTF-8."""
    try:
        prompt = json.loads(line.decode("utf-8"))["prompt"]
        # An escape such as \ud800 alone is half a character, which no tokenizer and no file takes.
        json.dumps(prompt, ensure_ascii=False).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if isinstance(prompt, str):
        return prompt or None
    if not isinstance(prompt, list) or not prompt:
        return None
    are_messages = all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in prompt)
    return prompt if are_messages else None


def unseen_rows(
    held_out: Iterable[dict[str, Any]], trained: Iterable[dict[str, Any]], limit: int
) -> list[dict[str, Any]]:
    """Rows of `held_out` with different prompts that no row of `trained` has.

    Only the prompts of the candidates are kept in memory, not those of the training rows. The held-out rows
    are read in blocks, each twice as large as the one before, until enough are found.

    Args:
        held_out: Rows that are held out.
        trained: Rows that are trained on; they are iterated once for each block.
        limit: The largest number of rows.

    Returns:
        At most `limit` rows, in the order of `held_out`.
    """
    unread = iter(held_out)
    found: dict[str, dict[str, Any]] = {}
    block = max(limit, FIRST_BLOCK)
    while len(found) < limit:
        block *= 2  # More than are needed, as some may also be trained on.
        candidates: dict[str, dict[str, Any]] = {}
        for row in unread:
            prompt = normalized(row)
            if prompt not in found:
                candidates.setdefault(prompt, row)
            if len(candidates) == block:
                break
        if not candidates:
            break
        for row in trained:
            candidates.pop(normalized(row), None)
        found |= candidates
    return list(found.values())[:limit]


def normalized(row: Mapping[str, Any]) -> str:
    """Reduce the prompt of a row to a text for comparison.

    Args:
        row: A row as TRL takes it: its `prompt` is text, which counts as a message of the user, or messages;
            `tools` is JSON text where there are some.

    Returns:
        The roles, contents and other fields of the messages, and the tools, without differences in case,
        white space and Unicode encoding (NFKC) of their texts, in the order of fields, and in fields of null.
    """
    tools = json.loads(row.get("tools") or "[]")
    # Texts are normalised before they are serialised, which writes line breaks and tabs as escapes.
    parts = [_normalized(as_messages(row["prompt"], "user")), _normalized(tools)]
    return json.dumps(parts, ensure_ascii=False, sort_keys=True, default=str)


def _normalized(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    if isinstance(value, Mapping):
        return {key: _normalized(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_normalized(each) for each in value]
    return value
