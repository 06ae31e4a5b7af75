"""Row converters of presets: ties, transcripts, signed preferences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from dpojob_api.report import ProblemCode
from dpojob_trainer.shared.rows.messages import ROLE_KEYS, standard_role
from dpojob_trainer.shared.rows.row_error import TIE, RowError
from dpojob_trainer.shared.rows.turn_marks import ASSISTANT, HUMAN

Row = Mapping[str, Any]
Columns = Mapping[str, str]
"""Names in the dataset, by field."""


def number(value: Any) -> float | None:
    """Read a score.

    Args:
        value: A value of a score column; CSV files hold it as text.

    Returns:
        The finite number; None where there is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def equal_scores(chosen: str, rejected: str) -> Callable[[Row], bool]:
    """Make a test for ties by scores.

    Args:
        chosen: The column of the chosen answer's score.
        rejected: The column of the rejected answer's score.

    Returns:
        A function that tells whether both scores of a row are there and equal.
    """

    def tie(row: Row) -> bool:
        left, right = number(row.get(chosen)), number(row.get(rejected))
        return left is not None and left == right

    return tie


def tie_status(row: Row) -> bool:
    """Tell whether distilabel marked a row as a tie.

    Args:
        row: The row.

    Returns:
        Whether its `status` is `tie`.
    """
    return row.get("status") == "tie"


def read_transcripts(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read hh-rlhf: an answer begins after the last assistant mark, the text before must be the same.

    Where no mark of the row follows an empty line, and both texts begin with the human's, the marks
    are those that follow a line end.

    Args:
        row: The row, by column.
        columns: Names in the dataset, by field.

    Returns:
        Prompt, chosen and rejected as message lists, or the row's error.
    """
    values: dict[str, Any] = {}
    prompts = []
    human, assistant = _marks(row, columns)
    for field in ("chosen", "rejected"):
        column = columns[field]
        text = row.get(column)
        if text is None:
            return RowError(ProblemCode.NULL_VALUE, f"{column!r} is null")
        if not isinstance(text, str):
            return RowError(ProblemCode.WRONG_TYPE, f"{column!r} is not a transcript in text")
        cut = text.rfind(assistant)
        if cut < 0:
            return RowError(ProblemCode.BAD_MESSAGE, f"{column!r} has no '\\n\\nAssistant:' turn")
        prompts.append(text[:cut])
        answer = text[cut + len(assistant) :]
        if human in answer:
            return RowError(
                ProblemCode.LAST_TURN_NOT_ASSISTANT, f"{column!r} ends with a {human!r} turn"
            )
        values[field] = [{"role": "assistant", "content": answer.strip()}]
    if prompts[0] != prompts[1]:
        return RowError(
            ProblemCode.PROMPT_MISMATCH,
            f"the transcripts in {columns['chosen']!r} and {columns['rejected']!r} differ before the "
            "last assistant turn",
        )
    values["prompt"] = transcript_turns(prompts[0], human, assistant)
    return values


def is_single_spaced(text: str) -> bool:
    """Tell whether a text is a transcript whose marks follow a line end, not an empty line.

    Args:
        text: Any text.

    Returns:
        Whether it begins with the human's turn and has the assistant's.
    """
    opened = text.lstrip().startswith(HUMAN.lstrip())
    return opened and ASSISTANT not in text and ASSISTANT[1:] in text


def _marks(row: Row, columns: Columns) -> tuple[str, str]:
    """The marks of the human's and of the assistant's turns in a row."""
    texts = [row.get(columns[field]) for field in ("chosen", "rejected")]
    if all(isinstance(text, str) and is_single_spaced(text) for text in texts):
        return HUMAN[1:], ASSISTANT[1:]
    return HUMAN, ASSISTANT


def transcript_turns(text: str, human: str, assistant: str) -> list[dict[str, str]]:
    """Split a transcript of hh-rlhf into messages.

    Args:
        text: Text such as `Human: ...` and `Assistant: ...`.
        human: The mark of the human's turns, which begins with a line end.
        assistant: The mark of the assistant's turns.

    Returns:
        Messages with `role` and `content`; text before the first mark is the system message.
    """
    turns: list[dict[str, str]] = []
    parts = ("\n\n" + text.lstrip("\n")).split(human)
    for number, part in enumerate(parts):
        question, *answers = part.split(assistant)
        if question.strip():
            role = "system" if number == 0 and len(parts) > 1 else "user"
            turns.append({"role": role, "content": question.strip()})
        turns.extend(
            {"role": "assistant", "content": answer.strip()} for answer in answers if answer.strip()
        )
    return turns


def no_preference(column: str) -> Callable[[Row], bool]:
    """Make a test for rows of a signed preference that prefer neither answer.

    Args:
        column: The column of the preference.

    Returns:
        A function that tells whether the preference of a row is 0.
    """

    def tie(row: Row) -> bool:
        return number(row.get(column)) == 0

    return tie


def read_signed_preference(column: str) -> Callable[[Row, Columns], dict[str, Any] | RowError]:
    """Make the converter of HelpSteer2 and HelpSteer3: a negative number prefers the first answer, a positive one the second.

    Args:
        column: The column of the preference.

    Returns:
        A function that takes a row and the names of the dataset's columns by field, chosen for the first
        answer, and returns chosen and rejected or the row's error.
    """

    def convert(row: Row, columns: Columns) -> dict[str, Any] | RowError:
        preference = number(row.get(column))
        if preference is None:
            return RowError(ProblemCode.NULL_VALUE, f"{column!r} is null or not a number")
        if preference == 0:
            return RowError(TIE, "neither answer is preferred")
        first, second = row.get(columns["chosen"]), row.get(columns["rejected"])
        for field, value in (("chosen", first), ("rejected", second)):
            if value is None:
                return RowError(ProblemCode.NULL_VALUE, f"{columns[field]!r} is null")
        chosen, rejected = (first, second) if preference < 0 else (second, first)
        return {"chosen": chosen, "rejected": rejected}

    return convert


def read_rejected_response(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read ms-swift: a conversation whose last message is the preferred answer, and the text of the other one.

    Args:
        row: The row, by column.
        columns: Names in the dataset, by field; those of prompt and chosen are the column of the conversation.

    Returns:
        Prompt, chosen and rejected as message lists with the dataset's keys, or the row's error.
    """
    column, other = columns["chosen"], columns["rejected"]
    talk, text = row.get(column), row.get(other)
    for name, value in ((column, talk), (other, text)):
        if value is None:
            return RowError(ProblemCode.NULL_VALUE, f"{name!r} is null")
    if not isinstance(talk, list) or not all(isinstance(message, Mapping) for message in talk):
        return RowError(ProblemCode.WRONG_TYPE, f"{column!r} is not a list of messages")
    if not isinstance(text, str):
        return RowError(ProblemCode.WRONG_TYPE, f"{other!r} is not text")
    if not talk:
        return RowError(ProblemCode.EMPTY_TEXT, f"{column!r} is an empty list")
    *prompt, answer = talk
    role = {key: answer[key] for key in ROLE_KEYS if answer.get(key) is not None}
    content = next((key for key in ("content", "value", "text") if key in answer), "content")
    return {"prompt": prompt, "chosen": [answer], "rejected": [{**role, content: text}]}


def read_chosen_and_rejected_roles(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read conversations that end with both answers, of roles such as chosen_gpt and rejected_gpt.

    Args:
        row: The row, by column.
        columns: Names in the dataset, by field; all of them the column of the conversation.

    Returns:
        Prompt, chosen and rejected as message lists with the standard keys, or the row's error.
    """
    column = columns["prompt"]
    talk = row.get(column)
    if talk is None:
        return RowError(ProblemCode.NULL_VALUE, f"{column!r} is null")
    if not isinstance(talk, list) or not all(isinstance(message, Mapping) for message in talk):
        return RowError(ProblemCode.WRONG_TYPE, f"{column!r} is not a list of messages")
    parts: dict[str, list[dict[str, Any]]] = {"prompt": [], "chosen": [], "rejected": []}
    for message in talk:
        role = next((message[key] for key in ROLE_KEYS if message.get(key) is not None), None)
        content = message.get("value") if message.get("content") is None else message["content"]
        side = str(role).lower().split("_")[0]
        if side in ("chosen", "rejected"):
            parts[side].append({"role": "assistant", "content": content})
        elif parts["chosen"] or parts["rejected"]:
            return RowError(
                ProblemCode.BAD_MESSAGE,
                f"{column!r} goes on after its chosen or rejected message",
                "both answers must be the last messages",
            )
        else:
            parts["prompt"].append({"role": standard_role(role), "content": content})
    for side in ("chosen", "rejected"):
        if len(parts[side]) != 1:
            return RowError(
                ProblemCode.BAD_MESSAGE,
                f"{column!r} has {len(parts[side])} messages of the role {side}",
                "each row needs one chosen and one rejected message",
            )
    return dict(parts)
