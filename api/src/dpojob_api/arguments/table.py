"""Reads the generated table of DPOConfig's fields."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("dpo_config.json")
"""The generated file."""


@cache
def field_table() -> dict[str, Any]:
    """Read the generated table.

    Returns:
        `trl`: the version; `fields`: accepted JSON types, choices and default of each field of DPOConfig;
        `schedules`: options of each learning rate schedule; `model`: fields of the models' configs;
        `modelTypes`: `model_type` of every causal language model whose code transformers has.
    """
    read: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return read
