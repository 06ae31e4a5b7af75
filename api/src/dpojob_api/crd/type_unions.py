"""Fields that take values of several types, as a structural schema can express them.

A structural schema has one type in each place, or none; only integers and texts have a keyword of their own. Each
other keyword is about values of one type alone, so a contradiction between two of them excludes that type and no
other. The message of a contradiction tells nobody what to write. Of several alternatives that a value does not meet
the API server reports the first with the most matches: the first is an enumeration of the allowed types in words,
so that the message lists them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "number": {"minimum": 1, "maximum": 0},
    "boolean": {"not": {"enum": [True, False]}},
    "array": {"minItems": 1, "maxItems": 0},
    "object": {"minProperties": 1, "maxProperties": 0},
}
"""The schema that excludes a type, by type; numbers include integers."""
_WORDS = {
    "string": "a text",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
}


def union_of_types(types: Sequence[str], items: Mapping[str, Any]) -> dict[str, Any]:
    """Make the keywords of a structural schema for a value of one of several types.

    Args:
        types: JSON schema's names of the types; a text must be among them, since the words for the types are
            texts that the enumeration accepts.
        items: The schema of the elements of a list, for the message.

    Returns:
        The keywords that replace `type`.

    Raises:
        ValueError: There is no text among the types, or a type has no words.
    """
    if set(types) == {"integer", "string"}:
        return {"x-kubernetes-int-or-string": True}
    words = _WORDS | {"array": "a list of texts" if items.get("type") == "string" else "a list"}
    if "string" not in types or not set(types) <= set(words):
        raise ValueError(f"no structural schema is known for a value of the types {list(types)}")
    excluded = [_CONTRADICTIONS[other] for other in _CONTRADICTIONS if other not in types]
    return {
        "anyOf": [
            {"enum": [words[type_] for type_ in words if type_ in types]},
            {keyword: value for schema in excluded for keyword, value in schema.items()},
        ]
    }
