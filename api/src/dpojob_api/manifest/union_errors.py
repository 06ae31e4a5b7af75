"""Pydantic's errors on fields that may have one of several types, as errors on the field itself."""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from .cel_rules import Path, child_model

UNION_TYPE = "union_type"
"""Error type of a value that is of none of a field's types; `ctx` has the types of their errors."""
WRONG_TYPE = ("string_type", "list_type", "dict_type", "model_type")
"""Error types of a value that is of another type than one of a union's."""


def merge_union_errors(
    errors: Iterable[ErrorDetails], model: type[BaseModel]
) -> list[ErrorDetails]:
    """Replace the errors that pydantic gives for each type of a union.

    Args:
        errors: Pydantic's errors, about a value for `model`.
        model: The model that was validated.

    Returns:
        The errors with locations that have fields and positions only: for a union those of the type that
        the value is of, or one of type `UNION_TYPE` where it is of none.
    """
    found: list[ErrorDetails] = []
    unions: dict[Path, dict[str | int, list[ErrorDetails]]] = {}
    for error in errors:
        at = _place_of_label(model, error["loc"])
        if at is None:
            found.append(error)
            continue
        place, label = error["loc"][:at], error["loc"][at]
        without_label: ErrorDetails = {**error, "loc": (*place, *error["loc"][at + 1 :])}
        unions.setdefault(place, {}).setdefault(label, []).append(without_label)
    for place, by_type in unions.items():
        found += _errors_of_union(place, list(by_type.values()))
    return found


def _errors_of_union(place: Path, by_type: list[list[ErrorDetails]]) -> list[ErrorDetails]:
    """The errors to report, of those by each type of the union."""
    others = [
        errors
        for errors in by_type
        if not any(e["loc"] == place and e["type"] in WRONG_TYPE for e in errors)
    ]
    if others:
        return others[0]
    first = by_type[0][0]
    return [{**first, "type": UNION_TYPE, "ctx": {"types": [e[0]["type"] for e in by_type]}}]


def _place_of_label(model: type[BaseModel], location: Path) -> int | None:
    """Where in an error's location pydantic names a type of a union; None where it names none."""
    current: type[BaseModel] | None = model
    for number, part in enumerate(location):
        if current is None or isinstance(part, int):
            continue
        fields = [f for n, f in current.model_fields.items() if part in (f.alias or n, n)]
        if not fields:
            return None
        if len(_types(fields[0].annotation)) > 1:
            return number + 1 if len(location) > number + 1 else None
        current = child_model(fields[0].annotation)
    return None


def _types(annotation: Any) -> list[Any]:
    """The types of a union except None; another annotation stands for itself."""
    if get_origin(annotation) is Annotated:
        return _types(get_args(annotation)[0])
    if get_origin(annotation) not in (Union, types.UnionType):
        return [annotation]
    members = (member for each in get_args(annotation) for member in _types(each))
    return [member for member in members if member is not type(None)]
