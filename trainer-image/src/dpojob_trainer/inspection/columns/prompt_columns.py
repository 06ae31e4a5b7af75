"""Which column is probably the prompt: the one that stands out by its name, its texts and their length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dpojob_trainer.inspection.layouts import Schema, columns_of, split_path, value_at
from dpojob_trainer.shared.rows.messages import COMMON_ROLES, TOOL_CALL_ROLE

from .column_heuristics import ALIASES, guess, is_answer, is_metadata, simplified
from .row_sample import (
    Sample,
    has_role,
    is_inside,
    reads_like_prompts,
    texts,
)

BEFORE_QUESTION = ("context", "history", "passage", "passages", "document", "documents")
"""What a question is about, or what was said before it."""
PARTS = ("instruction", "input", "prefix", *BEFORE_QUESTION)
"""Columns of which several may be parts of one prompt, as in Alpaca's data; an answer's given beginning too."""
NAMES_OF_KINDS = ("task", "problem", "request", "message")
"""Names of prompts that columns of kinds have too, such as a task's."""
MAX_COMPARED_NAMES = 200
"""Columns whose names are compared; pairs have few, and comparing is slow."""
USERS = ("user", *COMMON_ROLES["user"])
ASSISTANTS = ("assistant", *COMMON_ROLES["assistant"], TOOL_CALL_ROLE)
DISTINCT_SHARE = 0.5
"""Share of different texts from which a column without the name of a prompt may be it."""
TIMES_LONGER = 2.0
"""How much longer than all other candidates the texts of such a column must be."""


@dataclass(frozen=True)
class PromptGuess:
    """The column that stands out, or the columns among which the user must choose."""

    column: str | None = None
    candidates: tuple[str, ...] = ()
    by_name: bool = False
    """Whether the column's name is that of a prompt."""


def readable(schema: Schema) -> list[str]:
    """List the columns that hold text or messages.

    Args:
        schema: The dataset's columns.

    Returns:
        Their names, the first `MAX_COMPARED_NAMES`.
    """
    return [column for column in columns_of(schema) if schema[column] in ("text", "messages")][
        :MAX_COMPARED_NAMES
    ]


def unused_texts(schema: Schema, used: Mapping[str, str]) -> list[str]:
    """List columns that may be read.

    Args:
        schema: The dataset's columns.
        used: The columns that are read, by field.

    Returns:
        Their names. The kind of a column that only later files have is not known yet.
    """
    kinds = ("text", "messages", "null")
    free = [
        name for name in columns_of(schema) if schema[name] in kinds and name not in used.values()
    ]
    return free[:MAX_COMPARED_NAMES]


def guess_prompt(found: Mapping[str, str], schema: Schema, rows: Sample) -> PromptGuess:
    """Find the column that is probably the prompt, where no prompt column is known.

    Args:
        found: The known columns, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        The column that stands out, or candidates; neither where the answers hold the prompt.
    """
    answers = [found[name] for name in ("chosen", "rejected") if name in found]
    free = [
        column
        for column in unused_texts(schema, found)
        if not is_answer(column) or simplified(column) in PARTS
    ]
    if any(schema.get(column) == "messages" for column in answers):
        if not all(has_role(rows, column, ASSISTANTS, at=0) for column in answers):
            return PromptGuess()
        named = guess("prompt", free)
        return PromptGuess(named, by_name=named is not None)
    free = [column for column in free if not (answers and is_inside(rows, column, answers))]
    worded = [
        column
        for column in free
        if schema[column] == "text"
        and not is_metadata(column)
        and guess("system", [column]) is None
        and reads_like_prompts(rows, column)
    ]
    filled = [c for c in free if schema[c] != "text" or texts(rows, c)]
    kinds = [c for c in filled if schema[c] == "text" and _names_kinds(rows, c)]
    unfilled = [c for c in free if c not in filled]
    named = guess("prompt", [c for c in filled if c not in kinds]) or guess("prompt", unfilled)
    if named is not None:
        own = ("instruction", "input") if simplified(named) in ("instruction", "input") else ()
        others = [column for column in worded if column != named and simplified(column) not in own]
        if schema[named] != "text" or not _is_outdone(rows, named, others):
            return PromptGuess(named, by_name=True)
        return PromptGuess(candidates=(named, *others))
    asking = [c for c in free if schema[c] == "messages" and has_role(rows, c, USERS, at=-1)]
    inside = asking or _fields_of_prompt(schema, rows)
    if len(inside) == 1 and not worded:
        return PromptGuess(inside[0], by_name=True)
    if len(answers) < 2:
        return PromptGuess()
    longest = _longest(rows, worded)
    # Without anything better, what the answers are about is asked for, not left out.
    return longest if longest.column or longest.candidates else PromptGuess(candidates=tuple(kinds))


def _names_kinds(rows: Sample, column: str) -> bool:
    """Whether a column that may be called after either holds a few names of kinds, and no requests."""
    is_worded = reads_like_prompts(rows, column) or _distinct_share(rows, column) >= DISTINCT_SHARE
    return simplified(column) in NAMES_OF_KINDS and not is_worded


def _fields_of_prompt(schema: Schema, rows: Sample) -> list[str]:
    """The texts that read like prompts inside objects with the name of a prompt, as in WebGPT's comparisons."""
    found = []
    for name, kind in schema.items():
        path = split_path(name)
        if path is None or path[0] not in schema or kind != "text" or is_metadata(path[1]):
            continue
        values = [{name: value_at(row, name)} for row in rows]
        if guess("prompt", [path[0]]) == path[0] and reads_like_prompts(values, name):
            found.append(name)
    return found


def _distinct_share(rows: Sample, column: str) -> float:
    found = texts(rows, column)
    return len(set(found)) / len(found) if found else 0.0


def _mean_length(rows: Sample, column: str) -> float:
    found = texts(rows, column)
    return sum(map(len, found)) / len(found) if found else 0.0


def _is_outdone(rows: Sample, named: str, others: Sequence[str]) -> bool:
    """Whether a column has the name of a prompt, but few different texts, and another has more."""
    return _distinct_share(rows, named) < DISTINCT_SHARE and any(
        _distinct_share(rows, other) >= DISTINCT_SHARE for other in others
    )


def _longest(rows: Sample, worded: Sequence[str]) -> PromptGuess:
    distinct = [column for column in worded if _distinct_share(rows, column) >= DISTINCT_SHARE]
    if not distinct:
        return PromptGuess(candidates=tuple(worded))
    first, *others = sorted(distinct, key=lambda column: -_mean_length(rows, column))
    longest_other = max((_mean_length(rows, column) for column in others), default=0.0)
    if _mean_length(rows, first) >= TIMES_LONGER * longest_other:
        return PromptGuess(first)
    return PromptGuess(candidates=tuple(distinct))


def is_prompt_by_texts(column: str) -> bool:
    """Tell whether a column is taken for the prompt by its texts alone.

    Args:
        column: The column's name.

    Returns:
        Whether its name does not mark it as the prompt.
    """
    return guess("prompt", [column]) is None


def parts_of_prompt(
    prompt: str | None, used: Sequence[str], schema: Schema, rows: Sample
) -> list[str]:
    """Find further columns that may be parts of the prompt.

    Args:
        prompt: The column of the prompt; None where there is none.
        used: The columns that are read.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        Columns with such a name, or with that of a prompt and texts like prompts, and with text that the prompt's
        column does not contain.
    """
    if prompt is None or schema.get(prompt) != "text":
        return []
    return [
        column
        for column in readable(schema)
        if column not in used
        and column != prompt
        and (
            simplified(column) in PARTS
            or (simplified(column) in ALIASES["prompt"] and reads_like_prompts(rows, column))
        )
        and texts(rows, column)
        and not is_inside(rows, column, [prompt])
    ]


def lists_beside_prompt(used: Sequence[str], schema: Schema, rows: Sample) -> list[str]:
    """Find columns of lists or objects that may be parts of the prompt.

    Args:
        used: The columns that are read.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        Columns with such a name, which no mapping can join to the prompt, such as Alpaca's history.
    """
    return [
        column
        for column in columns_of(schema)
        if column not in used
        and schema[column] in ("other", "messages")
        and simplified(column) in PARTS
        and any(row.get(column) for row in rows)
    ]


def in_reading_order(prompt: str, parts: Sequence[str]) -> list[str]:
    """Order the parts of a prompt.

    Args:
        prompt: The column of the question or the instruction.
        parts: Its other parts.

    Returns:
        What the question is about before it (context, history), an instruction's input after it.
    """
    before = [part for part in parts if simplified(part) in BEFORE_QUESTION]
    return [*before, prompt, *(part for part in parts if part not in before)]
