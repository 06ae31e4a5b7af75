"""The mapping of keys and roles to suggest for message lists, by the names common in published data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpojob_trainer.shared.rows.messages import COMMON_KEYS, COMMON_ROLES


def suggest_message_mapping(value: list[Any]) -> dict[str, str]:
    """Suggest `columnMapping.messages` for lists like this one.

    Args:
        value: A list of messages.

    Returns:
        The entries to write, by the names common in published data; empty when none fit.
    """
    items = [item for item in value if isinstance(item, Mapping)]
    if not items:
        return {}
    present = {key for item in items for key, field in item.items() if field is not None}
    found: dict[str, str] = {}
    role_key, content_key = "role", "content"
    if not {"role", "content"} <= present:
        for role_name, content_name in COMMON_KEYS:
            if {role_name, content_name} <= present:
                role_key, content_key = role_name, content_name
                break
        else:
            return {}
    if role_key != "role":
        found["role"] = role_key
    if content_key != "content":
        found["content"] = content_key
    seen = {str(item.get(role_key)) for item in items}
    for standard, spellings in COMMON_ROLES.items():
        for spelling in spellings:
            match = next((role for role in seen if role.lower() == spelling), None)
            if match is not None and standard not in seen:
                found[standard] = match
                break
    return found
