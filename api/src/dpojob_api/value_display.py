"""How messages show a value of a manifest or of the training arguments."""

from __future__ import annotations

import json
from typing import Any


def show_value(value: Any) -> str:
    """Write a value as JSON, for a message.

    Args:
        value: Any value.

    Returns:
        At most 60 characters.
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
