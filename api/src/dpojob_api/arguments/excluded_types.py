"""Schemas that no value of a type meets, for fields of several types.

A structural schema has one type in each place, or none. Each other keyword is about values of one type alone, so a
contradiction between two of them excludes that type and no other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "number": {"minimum": 1, "maximum": 0},
    "array": {"minItems": 1, "maxItems": 0},
    "object": {"minProperties": 1, "maxProperties": 0},
    "boolean": {"not": {"enum": [True, False]}},
}
"""The schema that excludes a type, by type; numbers include integers."""


def excluding(types: Iterable[str]) -> dict[str, Any]:
    """Make the keywords of a schema without a type that no value of some types meets.

    Args:
        types: Of "number", "array", "object" and "boolean".

    Returns:
        The keywords.
    """
    return {name: value for type_ in types for name, value in _CONTRADICTIONS[type_].items()}
