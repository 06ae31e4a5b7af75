"""Pydantic's validation errors as sentences that name the field and what to write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dpojob_api.spec import REPO, DPOJobSpec
from dpojob_api.spelling import nearest
from dpojob_api.value_display import show_value

from .cel_rules import Path, child_model
from .common_mistakes import PLACE_BOUND, advice_on_name, reversed_mapping
from .expected_forms import FORMS, SWITCHES, text_of_switch
from .plain_values import (
    BOUNDS,
    advice_on_characters,
    bound_and_advice,
    list_instead_of,
    mapping_instead_of,
    number_instead_of,
    repository_instead_of,
)
from .union_errors import UNION_TYPE

TYPE_NAMES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
"""Pydantic's error type to the type that a user should write."""
TYPOGRAPHIC_QUOTES = re.compile("[\u2018-\u201f\u00ab\u00bb]")
"""What word processors and web pages make of straight quotes; YAML takes them for a part of the text."""


def show_path(path: Path) -> str:
    """Write a path as users do.

    Args:
        path: Field names and list positions, such as ("spec", "dataset", "urls", 0).

    Returns:
        Text such as "spec.dataset.urls[0]"; "the document" for an empty path.
    """
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the document"


def error_message(error: ErrorDetails, model: type[BaseModel], root: Path) -> str:
    """Write one of pydantic's errors as a sentence.

    Args:
        error: The error, about a value for `model`.
        model: The model that was validated.
        root: Path of the value in its document.

    Returns:
        One sentence without a full stop.
    """
    where: Path = (*root, *error["loc"])
    path = show_path(where)
    limits = error.get("ctx", {})
    value = show_value(error["input"])
    match error["type"]:
        case "extra_forbidden":
            holder = _model_at(model, error["loc"][:-1])
            return _unknown_field(where, error["input"], holder, model, root)
        case "missing":
            field = _field_description(model, error["loc"])
            what = f": {field}" if field else ""
            return f"{path} is required{what}"
        case "string_pattern_mismatch":
            return f"{path} is {value}: {_form(limits['pattern'], error['input'])}"
        case "literal_error":
            allowed = _allowed_values(limits["expected"])
            hint = text_of_switch(error["input"], allowed)
            hint = hint or did_you_mean(nearest_field(str(error["input"]), allowed))
            return f"{path} is {value}; it may be {limits['expected']}{hint}"
        case bound if bound in BOUNDS:
            (limit,) = limits.values()
            return f"{path} is {value}; it must be {bound_and_advice(bound, limit, error['input'])}"
        case "string_too_short" if error["input"] and (pattern := _pattern_at(model, error["loc"])):
            return f"{path} is {value}: {_form(pattern)}"
        case "too_short" | "string_too_short":
            return f"{path} is {value}; it may not be empty"
        case "too_long" | "string_too_long":
            unit = "entries" if error["type"] == "too_long" else "characters"
            return f"{path} is too long: at most {limits['max_length']} {unit}"
        case kind if kind in TYPE_NAMES:
            inner = _model_at(model, error["loc"]) if kind == "model_type" else None
            fields = field_names(inner) if inner else []
            name, _, rest = str(error["input"]).partition(":")
            if name in fields and rest and not rest.startswith("//"):
                hint = f": put a space behind the colon: write {{{name}: {rest.strip()}}}"
            else:
                pattern = _pattern_at(model, error["loc"])
                hint = _what_to_write(kind, where, error["input"], pattern)
            if fields and not hint:
                hint = f" with fields of {', '.join(fields)}"
            return f"{path} is {value}; it must be {TYPE_NAMES[kind]}{hint}"
        case kind if kind == UNION_TYPE:
            names = " or ".join(TYPE_NAMES[name] for name in limits["types"])
            hint = _what_to_write(limits["types"][0], where, error["input"], None)
            hint = hint or ": write one, or several as [first, second]"
            return f"{path} is {value}; it must be {names}{hint}"
        case _:
            return f"{path} is {value}: {error['msg']}"


def _form(pattern: str, text: str = "") -> str:
    """What to write where a text does not match a pattern."""
    if TYPOGRAPHIC_QUOTES.search(text):
        return "its quotes are typographic ones: replace them by straight quotes"
    if pattern == REPO and (advice := repository_instead_of(text)) is not None:
        return advice
    return FORMS.get(pattern, f"it must match {pattern}")


def _what_to_write(kind: str, where: Path, value: Any, pattern: str | None) -> str:
    """The clause that says what to write instead of a value of the wrong type; empty where unknown."""
    if kind == "string_type" and isinstance(value, int | float):
        # A switch is no text even in quotes, and a number may be refused again in quotes.
        unfit = isinstance(value, bool) or re.search(pattern or "", str(value)) is None
        if pattern is not None and unfit:
            return f": {_form(pattern)}"
        return f': write it in quotes, "{value}"'
    if kind in ("model_type", "dict_type"):
        advice = mapping_instead_of(where, value)
    elif kind == "list_type":
        advice = list_instead_of(where, value)
    elif kind == "bool_type":
        advice = SWITCHES.get(str(value).lower())
    elif isinstance(value, float):
        advice = f"write {value:.0f}" if value.is_integer() else None
    elif kind != "string_type" and isinstance(value, str):
        advice = number_instead_of(kind, value)
    else:
        advice = None
    return f": {advice}" if advice else ""


def _unknown_field(
    where: Path, value: Any, holder: type[BaseModel] | None, root: type[BaseModel], at: Path
) -> str:
    """The sentence on an unknown field: the nearest known one, or the place where it belongs."""
    text = f'unknown field "{show_path(where)}"'
    name = str(where[-1])
    siblings = field_names(holder) if holder else []
    if (advice := reversed_mapping(where, value, siblings)) is not None:
        return f"{text}: {advice}"
    if (advice := advice_on_characters(name, value)) is not None:
        return f"{text}: {advice}"
    if root is DPOJobSpec and (advice := advice_on_name(where)) is not None:
        return f"{text}: {advice}"
    if (near := nearest_field(name, siblings)) is not None:
        return f"{text}{did_you_mean(near)}"
    places = [
        path
        for path in _all_field_paths(root)
        if path[-1] not in PLACE_BOUND or _common_parts((*at, *path), where) > len(at)
    ]
    elsewhere = [path for path in places if path[-1] == name]
    if elsewhere:
        best = max(elsewhere, key=lambda path: _common_parts((*at, *path), where))
        return f"{text}: {name} belongs in {show_path((*at, *best[:-1]))}"
    everywhere = {str(path[-1]): path for path in places}
    if (near := nearest_field(name, list(everywhere), cutoff=0.85)) is not None:
        return f"{text}{did_you_mean(show_path((*at, *everywhere[near])))}"
    return f"{text}; here may stand {', '.join(siblings)}" if siblings else text


def _common_parts(one: Path, other: Path) -> int:
    """How many parts two paths share from the beginning."""
    pairs = zip(one, other, strict=False)
    return next(
        (number for number, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other))
    )


def nearest_field(name: str, candidates: Iterable[str], *, cutoff: float = 0.75) -> str | None:
    """Find the field or value that a misspelled one, possibly in snake case, most likely stands for.

    Args:
        name: The name as it was written.
        candidates: The names that exist.
        cutoff: The lowest similarity, from 0 to 1.

    Returns:
        The candidate, or None when none is similar enough.
    """
    return nearest(name, candidates, cutoff=cutoff, key=lambda text: text.replace("_", "").lower())


def did_you_mean(candidate: str | None) -> str:
    """Write the question that suggests a name.

    Args:
        candidate: The name; None: nothing is suggested.

    Returns:
        A clause that ends a sentence, empty without a candidate.
    """
    return f": did you mean {candidate}?" if candidate is not None else ""


def _allowed_values(expected: str) -> list[str]:
    """The values in pydantic's "'a', 'b' or 'c'"."""
    return [part.strip(" '") for part in expected.replace(" or ", ",").split(",")]


def field_names(model: type[BaseModel]) -> list[str]:
    """List a model's fields.

    Args:
        model: A model of the API.

    Returns:
        Names as in a manifest, in the order of the model.
    """
    return [field.alias or name for name, field in model.model_fields.items()]


def _all_field_paths(model: type[BaseModel], path: Path = ()) -> Iterator[Path]:
    """Paths of every field of a model and those inside it, shallow ones first."""
    children = []
    for name, field in model.model_fields.items():
        alias = field.alias or name
        yield (*path, alias)
        if (child := child_model(field.annotation)) is not None:
            children.append((child, (*path, alias)))
    for child, inside in children:
        yield from _all_field_paths(child, inside)


def _model_at(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of the value at `path`."""
    current: type[BaseModel] | None = model
    for part in path:
        if current is None or isinstance(part, int):
            continue
        found = [f for n, f in current.model_fields.items() if part in (f.alias or n, n)]
        current = child_model(found[0].annotation) if found else None
    return current


def _field_at(model: type[BaseModel], path: Path) -> FieldInfo | None:
    """The field at `path`; None for the value itself, an entry of a list, and an unknown field."""
    holder = _model_at(model, path[:-1]) if path else None
    fields = holder.model_fields.items() if holder else []
    return next((field for name, field in fields if path[-1] in (field.alias or name, name)), None)


def _pattern_at(model: type[BaseModel], path: Path) -> str | None:
    """The pattern of the text at `path`; None where there is none."""
    return next(_patterns(_field_at(model, path)), None)


def _patterns(part: Any) -> Iterator[str]:
    """The patterns of a field, or of a part of its annotation."""
    own = isinstance(part, FieldInfo)
    for entry in part.metadata if own else ():
        if (pattern := getattr(entry, "pattern", None)) is not None:
            yield pattern
    for member in get_args(part.annotation if own else part):
        yield from _patterns(member)


def _field_description(model: type[BaseModel], path: Path) -> str | None:
    """The description of the field at `path`, without its final stop."""
    field = _field_at(model, path)
    if field is None or not field.description:
        return None
    return field.description.removesuffix(".").replace("The ", "the ", 1)
