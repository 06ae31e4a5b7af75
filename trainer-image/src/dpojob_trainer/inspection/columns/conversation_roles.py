"""Conversations that hold one answer or both, recognised by the roles in a sample of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dpojob_api.report import Suggestion
from dpojob_api.value_display import flow_yaml
from dpojob_trainer.inspection.layouts import Schema, preset_by_name
from dpojob_trainer.shared.rows.messages import ROLE_KEYS
from dpojob_trainer.shared.rows.preference_pair import PAIR_FIELDS

from .prompt_columns import ASSISTANTS, readable
from .row_sample import Sample, has_role, reads_like_prompts

CHOSEN_AND_REJECTED_ROLES = "chosen-rejected-roles"
"""The preset that reads conversations with both answers."""
LABELLED_CANDIDATES = "bedrock"
"""The preset that reads conversations whose last message holds two candidates."""
REJECTED_RESPONSE = "ms-swift"
"""The preset that reads a conversation with the preferred answer, beside the text of the other one."""


def suggest_conversation(
    known: Mapping[str, str], schema: Schema, rows: Sample
) -> tuple[str, Suggestion] | None:
    """Suggest a preset for conversations that hold the preferred answer or both answers.

    Args:
        known: The known and the guessed columns, by field.
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        What they hold and what to write, and the suggestion; None for other columns.
    """
    rejected = known.get("rejected")
    if "chosen" in known:
        return None
    if rejected is None:
        column = _column_with_candidates(schema, rows)
        if column is not None:
            text = f"{column!r} ends with a message of two candidates, one of them labelled as preferred"
            return _preset(text, LABELLED_CANDIDATES, dict.fromkeys(PAIR_FIELDS, column))
        column = column_with_both_answers(schema, rows)
        if column is None:
            return None
        text = f"{column!r} holds both answers, as messages of the roles chosen and rejected"
        return _preset(text, CHOSEN_AND_REJECTED_ROLES, dict.fromkeys(PAIR_FIELDS, column))
    talks = [name for name in readable(schema) if schema[name] == "messages"]
    if "prompt" in known or schema.get(rejected) != "text" or len(talks) != 1:
        return None
    # A column such as loser may name an answer, not hold one.
    if not has_role(rows, talks[0], ASSISTANTS, at=-1) or not reads_like_prompts(rows, rejected):
        return None
    text = f"{talks[0]!r} ends with the preferred answer, and {rejected!r} is the other one"
    columns = {"prompt": talks[0], "chosen": talks[0], "rejected": rejected}
    return _preset(text, REJECTED_RESPONSE, columns)


def _preset(text: str, name: str, columns: Mapping[str, str]) -> tuple[str, Suggestion]:
    preset = preset_by_name(name)
    named = {} if preset is not None and columns == preset.columns else dict(columns)
    mapping = f", columnMapping: {flow_yaml(named)}" if named else ""
    return (
        f"{text}. Write in spec.dataset: preset: {name}{mapping}.",
        Suggestion(preset=name, column_mapping=named),
    )


def column_with_both_answers(schema: Schema, rows: Sample) -> str | None:
    """Find a column of conversations that end with a chosen and a rejected message.

    Args:
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        The column in which most conversations do; None without one.
    """
    return _column_of_talks(
        schema, rows, lambda talk: {"chosen", "rejected"} <= {*map(_side, talk)}
    )


def _column_with_candidates(schema: Schema, rows: Sample) -> str | None:
    """The column in which most conversations end with a message of two labelled candidates."""
    return _column_of_talks(schema, rows, lambda talk: _are_labelled(talk[-1]))


def _are_labelled(message: object) -> bool:
    candidates = message.get("candidates") if isinstance(message, Mapping) else None
    return isinstance(candidates, list) and any(
        isinstance(candidate, Mapping) and "preferenceLabel" in candidate
        for candidate in candidates
    )


def _column_of_talks(
    schema: Schema, rows: Sample, holds_both: Callable[[list[object]], bool]
) -> str | None:
    """The first column in which most conversations hold both answers; an empty one holds neither."""
    for column in readable(schema):
        if schema[column] != "messages":
            continue
        talks = [row[column] for row in rows if isinstance(row.get(column), list) and row[column]]
        if sum(map(holds_both, talks)) * 2 > len(talks):
            return column
    return None


def _side(message: object) -> str:
    """`chosen` for the role chosen_gpt, and so on."""
    if not isinstance(message, Mapping):
        return ""
    role = next((message[key] for key in ROLE_KEYS if message.get(key) is not None), "")
    return str(role).lower().split("_")[0]
