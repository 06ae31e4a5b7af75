"""What pydantic finds wrong with a manifest, as sentences that name the field and the way out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from .cel_rules import Path, child_model
from .quantity import COUNT_PATTERN, DURATION_PATTERN, MONEY_PATTERN
from .spec import DNS_NAME, REPO, SECRET_KEY
from .spelling import nearest

FORMS = {
    DNS_NAME: "use lower-case letters, digits, '-' and '.', like my-claim",
    SECRET_KEY: "a Secret's key is made of letters, digits, '-', '_' and '.', like token",
    REPO: "write a repository's name, like Qwen/Qwen2.5-1.5B-Instruct",
    DURATION_PATTERN: "write a duration like 90s, 45m, 6h, 1h30m or 2d",
    MONEY_PATTERN: 'write an amount in quotes and without a currency, like "20.00"',
    COUNT_PATTERN: "write a number of parameters like 500M, 1.5B or 7B",
    r"^https?://": "write an address that begins with http:// or https://",
}
"""Pattern to what a person should write."""

KINDS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def show_path(path: Path) -> str:
    """("spec", "dataset", "urls", 0) -> "spec.dataset.urls[0]"."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the document"


def show_value(value: Any) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def sentence(error: ErrorDetails, model: type[BaseModel], root: Path) -> str:
    """One sentence for one of pydantic's errors about a value for `model` found at `root`."""
    where: Path = (*root, *error["loc"])
    path = show_path(where)
    limits = error.get("ctx", {})
    value = show_value(error["input"])
    match error["type"]:
        case "extra_forbidden":
            return unknown(where, owner(model, error["loc"][:-1]), model, root)
        case "missing":
            field = field_of(model, error["loc"])
            what = f": {field}" if field else ""
            return f"{path} is required{what}"
        case "string_pattern_mismatch":
            form = FORMS.get(limits["pattern"], f"it must match {limits['pattern']}")
            return f"{path} is {value}: {form}"
        case "literal_error":
            near = nearest_field(str(error["input"]), allowed(limits["expected"]))
            return f"{path} is {value}; it may be {limits['expected']}{did_you_mean(near)}"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal" as bound:
            (limit,) = limits.values()
            return f"{path} is {value}; it must be {bound.replace('_', ' ')} {limit:g}"
        case "too_short" | "string_too_short":
            return f"{path} is {value}; it may not be empty"
        case "too_long" | "string_too_long":
            unit = "entries" if error["type"] == "too_long" else "characters"
            return f"{path} is too long: at most {limits['max_length']} {unit}"
        case kind if kind in KINDS:
            return f"{path} is {value}; it must be {KINDS[kind]}{quoting(kind, error['input'])}"
        case _:
            return f"{path} is {value}: {error['msg']}"


def quoting(kind: str, value: Any) -> str:
    """The way out when quotes, or their absence, made the wrong type."""
    if kind == "string_type" and isinstance(value, int | float):
        return f': write it in quotes, "{value}"'
    if kind != "string_type" and isinstance(value, str):
        return ": write it without quotes"
    return ""


def unknown(where: Path, holder: type[BaseModel] | None, root: type[BaseModel], at: Path) -> str:
    """An unknown field, with the nearest known one beside it, or the place where it belongs."""
    text = f'unknown field "{show_path(where)}"'
    name = str(where[-1])
    siblings = names(holder) if holder else []
    elsewhere = [path for path in all_fields(root) if path[-1] == name]
    if (near := nearest_field(name, siblings)) is not None:
        return f"{text}{did_you_mean(near)}"
    if elsewhere:
        return f"{text}: {name} belongs in {show_path((*at, *elsewhere[0][:-1]))}"
    everywhere = {str(path[-1]): path for path in all_fields(root)}
    if (near := nearest_field(name, list(everywhere))) is not None:
        return f"{text}{did_you_mean(show_path((*at, *everywhere[near])))}"
    return f"{text}; here may stand {', '.join(siblings)}" if siblings else text


def nearest_field(name: str, candidates: Iterable[str]) -> str | None:
    """The field or value that a misspelled one most likely stands for, also written in snake case.

    Args:
        name: The name as it was written.
        candidates: The names that exist.

    Returns:
        The candidate, or None when none is similar enough.
    """
    return nearest(name, candidates, cutoff=0.75, key=lambda text: text.replace("_", "").lower())


def did_you_mean(candidate: str | None) -> str:
    """The question, when there is something to ask."""
    return f": did you mean {candidate}?" if candidate is not None else ""


def allowed(expected: str) -> list[str]:
    """The values in pydantic's "'a', 'b' or 'c'"."""
    return [part.strip(" '") for part in expected.replace(" or ", ",").split(",")]


def names(model: type[BaseModel]) -> list[str]:
    """Field names as they are written."""
    return [field.alias or name for name, field in model.model_fields.items()]


def all_fields(model: type[BaseModel], path: Path = ()) -> Iterator[Path]:
    """Paths of every field of a model and those inside it, shallow ones first."""
    children = []
    for name, field in model.model_fields.items():
        alias = field.alias or name
        yield (*path, alias)
        if (child := child_model(field.annotation)) is not None:
            children.append((child, (*path, alias)))
    for child, inside in children:
        yield from all_fields(child, inside)


def owner(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The model of the value at `path`."""
    current: type[BaseModel] | None = model
    for part in path:
        if current is None or isinstance(part, int):
            continue
        found = [f for n, f in current.model_fields.items() if part in (f.alias or n, n)]
        current = child_model(found[0].annotation) if found else None
    return current


def field_of(model: type[BaseModel], path: Path) -> str | None:
    """The description of the field at `path`, without its final stop."""
    holder = owner(model, path[:-1])
    fields = holder.model_fields.items() if holder else []
    found = [f.description for n, f in fields if path[-1] in (f.alias or n, n)]
    return found[0].removesuffix(".").replace("The ", "the ", 1) if found and found[0] else None
