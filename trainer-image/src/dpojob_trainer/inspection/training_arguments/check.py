"""The check of `training.arguments`, before a GPU is asked for."""

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

from . import cross_field_rules, lr_scheduler_kwargs, model_init_kwargs, packages
from .reserved_fields import OWNED, REMOVED

CHOICES_SHOWN = 12


@cache
def _table() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(
        Path(__file__).with_name("dpo_config.json").read_text(encoding="utf-8")
    )
    return read


def check_arguments(spec: DPOJobSpec) -> None:
    """Raises InspectionError (InvalidArguments) naming every argument that cannot be, and why."""
    arguments, table = spec.training.arguments, _table()
    wrong = [said for name, value in arguments.items() if (said := _wrong(name, value))]
    # Only what is right by itself can be judged together.
    if not wrong:
        options = arguments.get("model_init_kwargs") or {}
        wrong = [
            *cross_field_rules.broken(spec),
            *lr_scheduler_kwargs.amiss(arguments, table["schedules"]),
            *model_init_kwargs.amiss(options, table["model"]),
            *packages.lacking(arguments),
        ]
    if wrong:
        raise _invalid("; ".join(wrong))


def check_pad_token(spec: DPOJobSpec, tokenizer: Tokenizer | None) -> None:
    """Raises InspectionError (InvalidArguments) for a pad_token that the tokenizer does not have."""
    token = spec.training.arguments.get("pad_token")
    if token is None or tokenizer is None or tokenizer.token_to_id(token) is not None:
        return
    near = nearest(token, list(tokenizer.get_vocab()))
    raise _invalid(
        f"pad_token {_shown(token)} is no token of the model's tokenizer"
        + (f"; did you mean {near}?" if near else "; leave it out to pad as the model does")
    )


def _invalid(what: str) -> InspectionError:
    return InspectionError(Reason.INVALID_ARGUMENTS, f"training.arguments: {what}.")


def _wrong(name: str, value: Any) -> str | None:
    """What is wrong with one argument, as a clause; None when nothing is."""
    fields = _table()["fields"]
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
