"""Conversations that hold both answers as separate messages, recognised by the roles in a sample of rows."""

from __future__ import annotations

from collections.abc import Mapping

from dpojob_trainer.inspection.layouts import Schema
from dpojob_trainer.shared.rows.messages import ROLE_KEYS

from .prompt_columns import readable
from .row_sample import Sample

CHOSEN_AND_REJECTED_ROLES = "chosen-rejected-roles"
"""The preset that reads them."""


def column_with_both_answers(schema: Schema, rows: Sample) -> str | None:
    """Find a column of conversations that end with a chosen and a rejected message.

    Args:
        schema: The dataset's columns.
        rows: A sample of rows.

    Returns:
        The column in which most conversations do; None without one.
    """
    for column in readable(schema):
        if schema[column] != "messages":
            continue
        talks = [row[column] for row in rows if isinstance(row.get(column), list) and row[column]]
        both = sum(1 for talk in talks if {"chosen", "rejected"} <= {*map(_side, talk)})
        if both * 2 > len(talks):
            return column
    return None


def _side(message: object) -> str:
    """`chosen` for the role chosen_gpt, and so on."""
    if not isinstance(message, Mapping):
        return ""
    role = next((message[key] for key in ROLE_KEYS if message.get(key) is not None), "")
    return str(role).lower().split("_")[0]
