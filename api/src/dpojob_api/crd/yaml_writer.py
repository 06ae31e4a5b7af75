"""YAML for people to read: block style with JSON scalars, without a YAML library."""

from __future__ import annotations

import json
from typing import Any

YAML_1_1_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""What YAML 1.1, and with it kubectl and Helm, reads as a boolean or null where it is not quoted
(yaml.org/type/bool.html), whatever the case of its letters."""


def to_yaml(value: Any, indent: int = 0) -> str:
    """Write a JSON value as block YAML.

    Args:
        value: Mappings, lists and scalars.
        indent: Depth of the value; two spaces each.

    Returns:
        Lines, each with a line break at its end.
    """
    pad = "  " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, inner in value.items():
            plain = key.replace("-", "").replace("_", "").isalnum() and not key.isdigit()
            shown = key if plain and key.lower() not in YAML_1_1_WORDS else json.dumps(key)
            if isinstance(inner, dict | list) and inner:
                lines.append(f"{pad}{shown}:\n{to_yaml(inner, indent + 1)}")
            else:
                lines.append(f"{pad}{shown}: {_scalar(inner)}\n")
        return "".join(lines)
    if isinstance(value, list) and value:
        lines = []
        for inner in value:
            if isinstance(inner, dict | list) and inner:
                block = to_yaml(inner, indent + 1)
                lines.append(f"{pad}- {block[len(pad) + 2 :]}")
            else:
                lines.append(f"{pad}- {_scalar(inner)}\n")
        return "".join(lines)
    return f"{pad}{_scalar(value)}\n"


def _scalar(value: Any) -> str:
    """JSON, but 5e-06 as 5.0e-06: YAML 1.1 reads the former as text."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and "e" in text and "." not in text:
        return text.replace("e", ".0e")
    return text
