"""Warnings about accepted rows on which training goes wrong without an error."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

from dpojob_api.report import Problem, ProblemCode
from dpojob_trainer.inspection.statistics import MARKED_ANSWER, SplitStatistics
from dpojob_trainer.shared.problem_text import row_share, warning

HELD_OUT_WORDS = frozenset(
    (
        "test",
        "testing",
        "tests",
        "eval",
        "evaluation",
        "validation",
        "valid",
        "val",
        "dev",
        "heldout",
        "holdout",
        "benchmark",
    )
)
"""Words in the names of files that hold no training data."""
TRAIN_WORDS = frozenset(("train", "training"))
MAX_NAMES = 3


def pair_warnings(statistics: SplitStatistics) -> list[Problem]:
    """Warn about accepted rows that train something else than they say.

    Args:
        statistics: The counts over a split.

    Returns:
        One warning a code, of marks of templates one for prompts and one for answers.
    """
    found, valid = statistics.warnings, statistics.valid

    def problem(code: ProblemCode, message: str, counted: str = "") -> Problem:
        counted = counted or code
        return warning(code, message, found.counts[counted], found.examples[counted])

    def share(code: str) -> str:
        return row_share(found.counts[code], valid)

    problems = []
    code = ProblemCode.TEMPLATE_IN_TEXT
    if found.counts[code]:
        marks = _common(found.marks)
        problems.append(
            problem(
                code,
                f"the prompts of {share(code)} hold marks of a chat template or transcript ({marks}); "
                "training applies the model's own template around them, so that it sees turns "
                "inside a turn. Remove the marks, or write the turns as message lists (role and "
                "content); ignore this where the text only mentions them.",
            )
        )
    if found.counts[MARKED_ANSWER]:
        problems.append(
            problem(
                code,
                f"an answer of {share(MARKED_ANSWER)} holds marks of a chat template "
                f"({_common(found.answer_marks)}); the model's own template ends the turn, so that the "
                "model would learn to write the marks as a part of its text. Remove them from the "
                "answers, or, where they part turns, write the turns as message lists (role and "
                "content); ignore this where the text only mentions them.",
                MARKED_ANSWER,
            )
        )
    code = ProblemCode.USER_TURN_IN_ANSWER
    if found.counts[code]:
        problems.append(
            problem(
                code,
                f"an answer of {share(code)} holds a turn of the user, because the conversations "
                "differ before the last turn; TRL trains that turn as the model's own text. Make "
                "both conversations the same up to the last turn, or end them after the first "
                "answer that differs.",
            )
        )
    code = ProblemCode.PROMPT_IN_ANSWER
    if found.counts[code]:
        problems.append(
            problem(
                code,
                f"an answer of {share(code)} begins with the prompt, which has a column of its own: the "
                "model would learn to repeat the question before it answers. Remove the prompt from "
                "the answers; ignore this where an answer is meant to repeat it.",
            )
        )
    code = ProblemCode.WHITE_SPACE_PAIR
    if found.counts[code]:
        problems.append(
            problem(
                code,
                f"chosen and rejected of {share(code)} differ in white space only; there is nothing "
                "to prefer in them. Remove these rows.",
            )
        )
    code = ProblemCode.ACCIDENTAL_PROMPT
    if 2 * found.counts[code] > statistics.implicit_prompts:
        problems.append(
            problem(
                code,
                f"there is no prompt column, and in {share(code)} what both answers begin with, "
                "which is taken for the prompt, is no whole sentence: the question seems to be "
                "lost. Name its column in columnMapping.prompt, or add the prompts to the rows.",
            )
        )
    return problems


def _common(marks: Counter[str]) -> str:
    return ", ".join(repr(mark) for mark, _ in marks.most_common(MAX_NAMES))


def held_out_files(names: Sequence[str], split: str) -> list[Problem]:
    """Warn where one of several files to train on is named like held-out data.

    Args:
        names: The files of the training split.
        split: The name of that split.

    Returns:
        At most one warning.
    """
    suspects = [name for name in names if _is_held_out(name, split)]
    if not suspects or len(names) < 2:
        return []
    more = f" and {len(suspects) - MAX_NAMES} more" if len(suspects) > MAX_NAMES else ""
    quoted = ", ".join(repr(name) for name in suspects[:MAX_NAMES])
    return [
        warning(
            ProblemCode.HELD_OUT_FILE,
            f"the files to train on include {quoted}{more}, by name held-out data. If it is, move it "
            "out of the directory, name the right files in dataset.volume.path or dataset.urls, or "
            "give it a split name of its own (such as test.jsonl) and name that in dataset.eval.split.",
        )
    ]


def _is_held_out(name: str, split: str) -> bool:
    stem = PurePosixPath(name).name.split(".")[0].lower()
    words = set(
        re.split(r"[^a-z]+", stem.replace("held_out", "heldout").replace("held-out", "heldout"))
    )
    return bool(words & HELD_OUT_WORDS) and not words & (TRAIN_WORDS | {split.lower()})
