"""The schema of `training.arguments` in the CRD, from the table of DPOConfig's fields.

Every value is bounded in depth and size. A field of several types has a list of types here, as JSON schema allows;
`dpojob_api.crd` makes a structural schema of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .allowed_fields import ALLOWED, BOUNDS
from .limits import LIST_LENGTH, OPTIONS, TEXT_LENGTH
from .refused_fields import REFUSED, REMOVED, RESERVED
from .table import field_table

Schema = dict[str, Any]

_TYPES = {
    "text": "string",
    "whole number": "integer",
    "number": "number",
    "true or false": "boolean",
    "object": "object",
}
"""The table's types to the schema's."""

_SCALARS = ["string", "number", "boolean"]
_SCALAR: Schema = {"type": _SCALARS, "maxLength": TEXT_LENGTH, "nullable": True}
_LIST: Schema = {**_SCALAR, "type": [*_SCALARS, "array"], "maxItems": LIST_LENGTH, "items": _SCALAR}
_OBJECT: Schema = {
    "maxLength": TEXT_LENGTH,
    "maxItems": LIST_LENGTH,
    "items": _SCALAR,
    "maxProperties": OPTIONS,
    "additionalProperties": _LIST,
    "nullable": True,
}
"""A value of any type."""


def arguments_schema() -> Schema:
    """Make the JSON schema of `training.arguments`.

    Returns:
        An object schema with a property for each field that users may set, and for those that they may
        not a property whose CEL rule names the replacement.
    """
    fields = field_table()["fields"]
    properties = {name: _allowed(name, fields[name]) for name in ALLOWED}
    for name, instead in RESERVED.items():
        message = f"{name} is decided elsewhere: write {instead}"
        properties[name] = _refused(_only_type(fields[name]["types"]), message)
    for name, removed in REMOVED.items():
        message = f"{name} no longer exists in TRL: write {removed.instead}"
        properties[name] = _refused(removed.type, message)
    for name, reason in REFUSED.items():
        message = f"{name} has no use here: {reason}; leave it out"
        kind = _only_type(fields[name]["types"])
        properties[name] = _refused(kind, message, "!self" if kind == "boolean" else "false")
    return {"type": "object", "properties": dict(sorted(properties.items()))}


def _allowed(name: str, field: Mapping[str, Any]) -> Schema:
    types, choices = set(field["types"]), field.get("choices")
    schema: Schema = {"description": _description(name, field)}
    if "null" in types:
        schema["nullable"] = True
    types.discard("null")
    lists = [kind for kind in types if kind.startswith("list of ")]
    if len(types) > 1 or "object" in types:
        return schema | (_options(name) if "object" in types else _several_types(types, choices))
    if lists:
        item = _one_type(lists[0].removeprefix("list of "), choices)
        return schema | {"type": "array", "maxItems": LIST_LENGTH, "items": item}
    only = _one_type(types.pop(), choices)
    if choices and schema.get("nullable"):
        del only["enum"]  # the API server matches null with no enum
        only["pattern"] = _pattern(choices)
    return schema | only | _bounds(name)


def _description(name: str, field: Mapping[str, Any]) -> str:
    text = ALLOWED[name]
    default = field.get("default")
    if "Default" in text or default is None:
        return text
    shown = json.dumps(default) if not isinstance(default, str) else default
    return f"{text} Default: {shown}." if shown else text


def _one_type(kind: str, choices: list[str] | None) -> Schema:
    schema: Schema = {"type": _TYPES[kind]}
    if kind == "text":
        schema["maxLength"] = TEXT_LENGTH
        if choices:
            schema["enum"] = choices
    return schema


def _several_types(types: set[str], choices: list[str] | None) -> Schema:
    """A text or something else; a pattern is checked for texts only, unlike an enum."""
    text: Schema = {"maxLength": TEXT_LENGTH}
    if choices:
        text["pattern"] = _pattern(choices)
    (other,) = types - {"text"}
    if other in _TYPES:
        return {**text, "type": [_TYPES[other], "string"]}
    item = _one_type(other.removeprefix("list of "), choices)
    return {**text, "type": ["string", "array"], "maxItems": LIST_LENGTH, "items": item}


def _pattern(choices: list[str]) -> str:
    return f"^({'|'.join(choices)})$"


def _options(name: str) -> Schema:
    if name == "lr_scheduler_kwargs":
        names = {
            option for known in field_table()["schedules"].values() for option in known["takes"]
        }
        described = {
            option: _SCALAR | {"description": f"{option} of the schedule."}
            for option in sorted(names)
        }
        return {"type": "object", "properties": described}
    inner = (
        _OBJECT
        if name == "model_init_kwargs"
        else {
            **_SCALAR,
            "type": [*_SCALARS, "object"],
            "maxProperties": OPTIONS,
            "additionalProperties": _SCALAR,
        }
    )
    return {"type": "object", "maxProperties": OPTIONS, "additionalProperties": inner}


def _bounds(name: str) -> Schema:
    bounds = BOUNDS.get(name)
    if bounds is None:
        return {}
    low = "exclusiveMinimum" if bounds.above_minimum else "minimum"
    high = {} if bounds.maximum is None else {"maximum": bounds.maximum}
    return {low: bounds.minimum, **high}


def _only_type(types: list[str]) -> str:
    """The one type that the schema gives a refused field: a CEL rule needs a type."""
    kinds = [_TYPES[kind] for kind in types if kind in _TYPES]
    return "object" if "object" in kinds else kinds[0]


def _refused(kind: str, message: str, rule: str = "false") -> Schema:
    """The schema of a field that the API server knows only to say why no value is valid."""
    size = {"string": {"maxLength": TEXT_LENGTH}, "object": {"maxProperties": OPTIONS}}
    return {
        "type": kind,
        "description": f"Refused: {message.partition(': ')[2]}.",
        **size.get(kind, {}),
        "x-kubernetes-validations": [{"rule": rule, "message": message}],
    }
