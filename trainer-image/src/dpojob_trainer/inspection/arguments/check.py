"""The check of `training.arguments`, before a GPU is asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from dpojob_api.conditions import Reason
from dpojob_trainer.inspection.errors import CouldNotLook
from dpojob_trainer.inspection.names import nearest

from .owned import OWNED, REMOVED

CHOICES_SHOWN = 12


@cache
def _fields() -> dict[str, dict[str, Any]]:
    table = json.loads(Path(__file__).with_name("dpo_config.json").read_text())
    return dict(table["fields"])


def check_arguments(arguments: Mapping[str, Any]) -> None:
    """Raises CouldNotLook (InvalidArguments) naming every argument that cannot be, and why."""
    wrong = [said for name, value in arguments.items() if (said := _wrong(name, value))]
    if wrong:
        raise CouldNotLook(
            Reason.INVALID_ARGUMENTS, "training.arguments: " + "; ".join(wrong) + "."
        )


def _wrong(name: str, value: Any) -> str | None:
    """What is wrong with one argument, as a clause; None when nothing is."""
    fields = _fields()
    if name in OWNED:
        return f"{name} is decided elsewhere: write {OWNED[name]}"
    if name in REMOVED and (name not in fields or value):
        return f"{name} no longer exists in TRL: write {REMOVED[name]}"
    if name not in fields:
        near = nearest(name, [*fields, *REMOVED, *OWNED])
        if near is not None and (near in REMOVED or near in OWNED):
            instead = REMOVED.get(near) or OWNED[near]
            return f"{name} is no field of DPOConfig; if you mean {near}: write {instead}"
        return f"{name} is no field of DPOConfig" + (f"; did you mean {near}?" if near else "")
    return _mistyped(name, value, fields[name])


def _mistyped(name: str, value: Any, field: Mapping[str, Any]) -> str | None:
    types = field["types"]
    if not any(_is(value, kind) for kind in types):
        wanted = " or ".join(kind for kind in types if kind != "null") or "null"
        return f"{name} must be {wanted}, not {_shown(value)}"
    choices = field.get("choices")
    for item in value if isinstance(value, list) else [value]:
        if choices and isinstance(item, str) and item not in choices:
            near = nearest(item, choices)
            more = ", ..." if len(choices) > CHOICES_SHOWN else ""
            return (
                f"{name} must be one of {', '.join(choices[:CHOICES_SHOWN])}{more}, not {_shown(item)}"
                + (f"; did you mean {near}?" if near else "")
            )
    return None


def _is(value: Any, kind: str) -> bool:
    if kind.startswith("list of "):
        return isinstance(value, list) and all(_is(item, kind[8:]) for item in value)
    if isinstance(value, bool):
        return kind == "true or false"
    return {
        "null": value is None,
        "text": isinstance(value, str),
        "whole number": isinstance(value, int),
        "number": isinstance(value, int | float),
        "object": isinstance(value, dict),
        "true or false": False,
    }[kind]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
