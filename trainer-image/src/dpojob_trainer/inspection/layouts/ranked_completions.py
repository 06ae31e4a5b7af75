"""Layouts of tuning services and of NeMo-RL: both answers in one list, with a rank, a score or a label each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpojob_api.report import ProblemCode
from dpojob_trainer.shared.rows.messages import describe_type, standard_role
from dpojob_trainer.shared.rows.row_error import TIE, RowError

from .preset_converters import Columns, Row, number

PREFERRED, OTHER = "preferred", "non-preferred"
"""The labels of Amazon Bedrock's candidates."""


def read_ranked_completions(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read NeMo-RL, where the completion with the lower rank of two is preferred.

    Args:
        row: The row, by column.
        columns: Names in the dataset, by field; chosen is the column of the completions.

    Returns:
        Chosen and rejected as the row has them, or the row's error.
    """
    found = _completions(row, columns["chosen"], "rank", is_higher_better=False)
    if isinstance(found, RowError):
        return found
    chosen, rejected = found
    return {"chosen": chosen, "rejected": rejected}


def read_scored_contents(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read preference tuning of Vertex AI: contents of parts, and two completions of which one has the higher score.

    Args:
        row: The row, by column.
        columns: Names in the dataset, by field; chosen is the column of the completions.

    Returns:
        Prompt, chosen and rejected as message lists and the system text where there is one, or the row's error.
    """
    prompt, column = columns["prompt"], columns["chosen"]
    found = _completions(row, column, "score", is_higher_better=True)
    if isinstance(found, RowError):
        return found
    chosen, rejected = found
    values: dict[str, Any] = {}
    lists: dict[str, tuple[str, Any]] = {
        "prompt": (prompt, row.get(prompt)),
        "chosen": (column, [chosen]),
        "rejected": (column, [rejected]),
    }
    for field, (name, messages) in lists.items():
        read = _messages(name, messages, "parts")
        if isinstance(read, RowError):
            return read
        values[field] = read
    system = columns.get("system")
    if system is not None and row.get(system) is not None:
        text = _text(system, row[system], "parts")
        if isinstance(text, RowError):
            return text
        values["system"] = text
    return values


def read_labelled_candidates(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read DPO of Amazon Bedrock: the last message holds two candidates, one of them labelled as preferred.

    Args:
        row: The row, by column.
        columns: Names in the dataset, by field; chosen is the column of the conversation.

    Returns:
        Prompt, chosen and rejected as message lists and the system text where there is one, or the row's error.
    """
    column = columns["chosen"]
    talk = row.get(column)
    if not isinstance(talk, list) or not talk or not isinstance(talk[-1], Mapping):
        return RowError(ProblemCode.WRONG_TYPE, f"{column!r} is not a list of messages")
    found = _two(column, talk[-1].get("candidates"), "candidates")
    if isinstance(found, RowError):
        return found
    labels = [candidate.get("preferenceLabel") for candidate in found]
    if sorted(map(str, labels)) != sorted((PREFERRED, OTHER)):
        return RowError(
            ProblemCode.WRONG_TYPE,
            f"not one candidate in {column!r} has the preferenceLabel {PREFERRED!r} and the other {OTHER!r}",
            "remove these rows, or label both candidates",
        )
    prompt = _messages(column, talk[:-1], "content")
    if isinstance(prompt, RowError):
        return prompt
    values: dict[str, Any] = {"prompt": prompt}
    for field, label in (("chosen", PREFERRED), ("rejected", OTHER)):
        text = _text(column, found[labels.index(label)], "content")
        if isinstance(text, RowError):
            return text
        values[field] = [{"role": "assistant", "content": text}]
    system = columns.get("system")
    if system is not None:
        parts = row.get(system)
        instruction = _text(system, {"content": parts}, "content") if parts else None
        if isinstance(instruction, RowError):
            return instruction
        values["system"] = instruction
    return values


def _two(column: str, value: Any, what: str) -> list[Mapping[str, Any]] | RowError:
    """Both answers of a row."""
    if value is None:
        return RowError(ProblemCode.NULL_VALUE, f"{column!r} has no {what}")
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return RowError(
            ProblemCode.WRONG_TYPE, f"the {what} in {column!r} are not a list of objects"
        )
    if len(value) != 2:
        return RowError(
            ProblemCode.WRONG_TYPE,
            f"{column!r} holds {len(value)} {what}",
            "a pair has two: write one row for each pair of them, or remove these rows",
        )
    return value


def _completions(
    row: Row, column: str, key: str, *, is_higher_better: bool
) -> tuple[Any, Any] | RowError:
    """The preferred completion of a row and the other one, by the number that each has under a key."""
    found = _two(column, row.get(column), "completions")
    if isinstance(found, RowError):
        return found
    first, second = (number(completion.get(key)) for completion in found)
    if first is None or second is None:
        return RowError(ProblemCode.NULL_VALUE, f"an answer in {column!r} has no number as {key!r}")
    if first == second:
        return RowError(TIE, "neither answer is preferred")
    one, other = (completion.get("completion") for completion in found)
    return (one, other) if (first > second) is is_higher_better else (other, one)


def _messages(column: str, value: Any, key: str) -> list[dict[str, Any]] | RowError:
    """Messages whose text is a list of parts, with the standard keys and roles."""
    if not isinstance(value, list) or not all(isinstance(message, Mapping) for message in value):
        return RowError(ProblemCode.WRONG_TYPE, f"{column!r} does not hold messages")
    messages = []
    for message in value:
        text = _text(column, message, key)
        if isinstance(text, RowError):
            return text
        messages.append({"role": standard_role(message.get("role")), "content": text})
    return messages


def _text(column: str, message: Any, key: str) -> str | RowError:
    """The text of a message's parts."""
    parts = message.get(key) if isinstance(message, Mapping) else None
    if isinstance(parts, str):
        return parts
    if not isinstance(parts, list) or not parts:
        return RowError(
            ProblemCode.WRONG_TYPE, f"a message in {column!r} has {describe_type(parts)} as {key!r}"
        )
    texts = [part.get("text") if isinstance(part, Mapping) else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        return RowError(
            ProblemCode.BAD_MESSAGE,
            f"a message in {column!r} has a part that is no text",
            "DPOJob trains on text: remove these rows",
        )
    return "".join(map(str, texts))
