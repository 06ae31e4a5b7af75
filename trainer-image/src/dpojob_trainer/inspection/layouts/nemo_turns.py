"""NeMo-Aligner's texts, in which turns begin with `<extra_id_0>` (system) and `<extra_id_1>`."""

from __future__ import annotations

from typing import Any

from dpojob_trainer.shared.rows.messages import standard_role
from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS
from dpojob_trainer.shared.rows.row_error import RowError

from .preset_converters import Columns, Row

SYSTEM_MARK, TURN_MARK = "<extra_id_0>", "<extra_id_1>"


def read_nemo_turns(row: Row, columns: Columns) -> dict[str, Any] | RowError:
    """Read a pair of NeMo-Aligner: the mark that ends an answer is no part of it, and the prompt is split into turns.

    Args:
        row: The row, by column.
        columns: Names in the dataset, by field.

    Returns:
        Chosen and rejected without the mark at their end, and the prompt as a message list where it
        consists of turns and ends where the assistant's begins; other values are as the row has them.
    """
    values = {field: row.get(columns[field]) for field in PAIR_FIELDS}
    prompt = values["prompt"]
    turns = _turns(prompt) if isinstance(prompt, str) else None
    for field in ("chosen", "rejected"):
        answer = values[field]
        if not isinstance(answer, str):
            continue
        if answer.rstrip().endswith(TURN_MARK):
            answer = answer.rstrip().removesuffix(TURN_MARK).rstrip()
        values[field] = answer if turns is None else [{"role": "assistant", "content": answer}]
    return values if turns is None else {**values, "prompt": turns}


def _turns(prompt: str) -> list[dict[str, str]] | None:
    """The messages of a prompt; None where it is no list of turns that the assistant continues."""
    system, *turns = prompt.strip().split(TURN_MARK)
    messages = []
    if system.strip():
        role, text = _turn(system.strip().removeprefix(SYSTEM_MARK))
        if role != "system" or not system.strip().startswith(SYSTEM_MARK):
            return None
        messages += [{"role": role, "content": text}] if text else []
    for turn in turns:
        role, text = _turn(turn)
        if role not in ("user", "assistant"):
            return None
        messages.append({"role": role, "content": text})
    if not messages or messages[-1] != {"role": "assistant", "content": ""}:
        return None
    return messages[:-1]


def _turn(text: str) -> tuple[str, str]:
    """The role in the first line of a turn, and its text."""
    role, _, content = text.lstrip().partition("\n")
    return str(standard_role(role.strip())), content.strip()
