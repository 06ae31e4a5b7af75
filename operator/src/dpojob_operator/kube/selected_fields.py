"""Objects reduced to the fields that are read."""

from __future__ import annotations

from typing import Any


def select_fields(value: Any, fields: dict[str, Any]) -> Any:
    """Returns the named fields of a mapping, and of the mappings in it."""
    if not isinstance(value, dict):
        return value
    return {
        name: found if fields[name] is True else select_fields(found, fields[name])
        for name, found in value.items()
        if name in fields
    }
