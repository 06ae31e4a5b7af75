"""Checks of `training.arguments`: size and depth, and each argument's name, type and choices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from dpojob_api.spelling import nearest
from dpojob_api.value_display import show_value

from .allowed_fields import BOUNDS, OTHER_LOSSES
from .limits import LIST_LENGTH, MAX_CHARACTERS, MAX_DEPTH, OPTIONS, TEXT_LENGTH, is_nested_deeper
from .refused_fields import REFUSED, REMOVED, RESERVED
from .table import field_table

CHOICES_SHOWN = 12
"""Choices that a message names."""


def check_bounds(arguments: dict[str, Any]) -> dict[str, Any]:
    """Validate depth and size of the arguments, which the CRD of another version may not limit.

    Args:
        arguments: The value of `training.arguments`.

    Returns:
        The same value.

    Raises:
        PydanticCustomError: They are nested too deeply or too large.
    """
    if is_nested_deeper(arguments, MAX_DEPTH):
        raise PydanticCustomError(
            "arguments_too_deep",
            "lists and mappings are nested in more than {depth} levels",
            {"depth": MAX_DEPTH},
        )
    if len(json.dumps(arguments, ensure_ascii=False, default=str)) > MAX_CHARACTERS:
        raise PydanticCustomError(
            "arguments_too_large",
            "the arguments have more than {characters} characters",
            {"characters": MAX_CHARACTERS},
        )
    return arguments


def find_invalid_arguments(arguments: Mapping[str, Any]) -> list[str]:
    """Find arguments with an unknown or reserved name, a wrong type or an unknown choice.

    Args:
        arguments: The value of `training.arguments`.

    Returns:
        The problems, as clauses of a message.
    """
    return [
        problem for name, value in arguments.items() if (problem := argument_problem(name, value))
    ]


def argument_problem(name: str, value: Any) -> str | None:
    """Find what is wrong with one argument.

    Args:
        name: A key of `training.arguments`.
        value: Its value.

    Returns:
        The problem, as a clause of a message; None for a valid argument.
    """
    fields = field_table()["fields"]
    if name in RESERVED:
        return f"{name} is decided elsewhere: write {RESERVED[name]}"
    if name in REMOVED:
        return f"{name} no longer exists in TRL: write {REMOVED[name].instead}"
    if name in REFUSED and value:
        return f"{name} has no use here: {REFUSED[name]}; leave it out"
    if name not in fields:
        suggestion = nearest(name, [*fields, *REMOVED, *RESERVED])
        replacements = {old: removed.instead for old, removed in REMOVED.items()} | dict(RESERVED)
        instead = replacements.get(suggestion or "")
        if instead is not None:
            return f"{name} is no field of DPOConfig; if you mean {suggestion}: write {instead}"
        return f"{name} is no field of DPOConfig" + (
            f"; did you mean {suggestion}?" if suggestion else ""
        )
    return _type_problem(name, value, fields[name]) or _size_problem(name, value)


def _type_problem(name: str, value: Any, field: Mapping[str, Any]) -> str | None:
    types = field["types"]
    if not any(_has_type(value, kind) for kind in types):
        expected = " or ".join(kind for kind in types if kind != "null") or "null"
        return f"{name} must be {expected}, not {show_value(value)}"
    if name in BOUNDS and value is not None and not BOUNDS[name].allow(value):
        return f"{name} must be {BOUNDS[name]}, not {show_value(value)}"
    choices = field.get("choices")
    for item in value if isinstance(value, list) else [value]:
        if choices and isinstance(item, str) and item not in choices:
            return _choice_problem(name, item, choices)
    return None


def _size_problem(what: str, value: Any) -> str | None:
    if isinstance(value, str):
        too_long = len(value) > TEXT_LENGTH
        return f"{what} has more than {TEXT_LENGTH} characters" if too_long else None
    if not isinstance(value, list | dict):
        return None
    limit = LIST_LENGTH if isinstance(value, list) else OPTIONS
    if len(value) > limit:
        return f"{what} has more than {limit} entries"
    inner = enumerate(value) if isinstance(value, list) else value.items()
    problems = (_size_problem(f"{what}.{key}", item) for key, item in inner)
    return next((problem for problem in problems if problem), None)


def _choice_problem(name: str, item: str, choices: list[str]) -> str:
    more = ", ..." if len(choices) > CHOICES_SHOWN else ""
    text = (
        f"{name} must be one of {', '.join(choices[:CHOICES_SHOWN])}{more}, not {show_value(item)}"
    )
    if name == "loss_type" and item.lower() in OTHER_LOSSES:
        return f"{text}: {OTHER_LOSSES[item.lower()]}"
    suggestion = nearest(item, choices)
    return text + (f"; did you mean {suggestion}?" if suggestion else "")


def _has_type(value: Any, kind: str) -> bool:
    if kind.startswith("list of "):
        return isinstance(value, list) and all(_has_type(item, kind[8:]) for item in value)
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
