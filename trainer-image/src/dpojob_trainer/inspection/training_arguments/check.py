"""Checks `training.arguments` without TRL, before a GPU is requested."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from dpojob_api.conditions import Reason
from dpojob_api.spec import DPOJobSpec
from dpojob_api.spelling import nearest
from dpojob_trainer.shared.errors import InspectionError

from .cross_field_rules import find_violations
from .lr_scheduler_kwargs import find_invalid_lr_scheduler_kwargs
from .model_init_kwargs import find_invalid_model_init_kwargs
from .packages import find_missing_packages
from .reserved_fields import REMOVED, RESERVED

CHOICES_SHOWN = 12


@cache
def _table() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(
        Path(__file__).with_name("dpo_config.json").read_text(encoding="utf-8")
    )
    return read


def check_arguments(spec: DPOJobSpec) -> None:
    """Check every argument against the fields of TRL's DPOConfig.

    Args:
        spec: The spec of the job.

    Raises:
        InspectionError: `InvalidArguments`; the message names every invalid argument and why.
    """
    arguments, table = spec.training.arguments, _table()
    problems = [problem for name, value in arguments.items() if (problem := _problem(name, value))]
    # Rules over several arguments assume that each has the right name and type.
    if not problems:
        options = arguments.get("model_init_kwargs") or {}
        problems = [
            *find_violations(spec),
            *find_invalid_lr_scheduler_kwargs(arguments, table["schedules"]),
            *find_invalid_model_init_kwargs(options, table["model"]),
            *find_missing_packages(arguments),
        ]
    if problems:
        raise _invalid_arguments("; ".join(problems))


def check_pad_token(spec: DPOJobSpec, tokenizer: Tokenizer | None) -> None:
    """Check that the tokenizer has the token named by `pad_token`.

    Args:
        spec: The spec of the job.
        tokenizer: The model's tokenizer, or None when it could not be loaded.

    Raises:
        InspectionError: `InvalidArguments`, when the tokenizer does not have the token.
    """
    token = spec.training.arguments.get("pad_token")
    if token is None or tokenizer is None or tokenizer.token_to_id(token) is not None:
        return
    suggestion = nearest(token, list(tokenizer.get_vocab()))
    raise _invalid_arguments(
        f"pad_token {_show_value(token)} is no token of the model's tokenizer"
        + (
            f"; did you mean {suggestion}?"
            if suggestion
            else "; leave it out to pad as the model does"
        )
    )


def _invalid_arguments(detail: str) -> InspectionError:
    return InspectionError(Reason.INVALID_ARGUMENTS, f"training.arguments: {detail}.")


def _problem(name: str, value: Any) -> str | None:
    """The problem with one argument, as a clause of a message; None for a valid one."""
    fields = _table()["fields"]
    if name in RESERVED:
        return f"{name} is decided elsewhere: write {RESERVED[name]}"
    if name in REMOVED and (name not in fields or value):
        return f"{name} no longer exists in TRL: write {REMOVED[name]}"
    if name not in fields:
        suggestion = nearest(name, [*fields, *REMOVED, *RESERVED])
        if suggestion is not None and (suggestion in REMOVED or suggestion in RESERVED):
            instead = REMOVED.get(suggestion) or RESERVED[suggestion]
            return f"{name} is no field of DPOConfig; if you mean {suggestion}: write {instead}"
        return f"{name} is no field of DPOConfig" + (
            f"; did you mean {suggestion}?" if suggestion else ""
        )
    return _type_problem(name, value, fields[name])


def _type_problem(name: str, value: Any, field: Mapping[str, Any]) -> str | None:
    types = field["types"]
    if not any(_has_type(value, kind) for kind in types):
        expected = " or ".join(kind for kind in types if kind != "null") or "null"
        return f"{name} must be {expected}, not {_show_value(value)}"
    choices = field.get("choices")
    for item in value if isinstance(value, list) else [value]:
        if choices and isinstance(item, str) and item not in choices:
            suggestion = nearest(item, choices)
            more = ", ..." if len(choices) > CHOICES_SHOWN else ""
            return (
                f"{name} must be one of {', '.join(choices[:CHOICES_SHOWN])}{more}, not {_show_value(item)}"
                + (f"; did you mean {suggestion}?" if suggestion else "")
            )
    return None


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


def _show_value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
