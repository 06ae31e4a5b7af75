"""How a value of a manifest or of the training arguments is shown: as JSON in a message, or as YAML to paste."""

from __future__ import annotations

import json
import re
from typing import Any

PLAIN_SCALAR = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
"""What YAML reads as the same text without quotes, `NOT_TEXT` aside."""
NOT_PRINTABLE = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Characters that JSON has in texts as they are, and YAML refuses or reads as a line break."""
NOT_TEXT = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}


def show_value(value: Any) -> str:
    """Write a value as JSON, for a message.

    Args:
        value: Any value.

    Returns:
        At most 60 characters.
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def flow_yaml(value: Any) -> str:
    """Write a value on one line of YAML.

    Args:
        value: A JSON value.

    Returns:
        Flow style; names are quoted where YAML would read something else.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow_yaml(k)}: {flow_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow_yaml, value)) + "]"
    if isinstance(value, str) and PLAIN_SCALAR.fullmatch(value) and value.lower() not in NOT_TEXT:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return NOT_PRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
