"""The CRDs' CEL rules in Python, for judging a manifest with no API server at hand.

The rules themselves stand beside the models they guard; here each one's text is given a meaning. A
rule without one is an error, so that the two cannot drift apart unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from .pool import _cel_count
from .quantity import parse_count
from .spec import PATH_RULE

Path = tuple[str | int, ...]
"""Where in a document: field names and list positions."""
Value = Mapping[str, Any]

_ONE_OF = re.compile(r"\(has\(self\.\w+\) \? 1 : 0\)( \+ \(has\(self\.\w+\) \? 1 : 0\))+ == 1")
_HAS = re.compile(r"has\(self\.(\w+)\)")


def _relative(value: Value) -> bool:
    path = value.get("path", "")
    return not path.startswith("/") and ".." not in path.split("/")


def _whole_nodes(value: Value) -> bool:
    return "gpus" not in value or bool(value["gpus"] % value.get("nodes", 1) == 0)


def _something_to_merge(value: Value) -> bool:
    merge = value.get("output", {}).get("merge", False)
    return not merge or value.get("training", {}).get("method", "auto") != "full"


def _upright(value: Value) -> bool:
    return "max" not in value or parse_count(value.get("min", "0")) < parse_count(value["max"])


MEANINGS: dict[str, Callable[[Value], bool]] = {
    PATH_RULE["rule"]: _relative,
    "!has(self.revision) || has(self.repo)": lambda v: "revision" not in v or "repo" in v,
    "has(self.repo) || !(has(self.config) || has(self.revision))": lambda v: (
        "repo" in v or not ("config" in v or "revision" in v)
    ),
    "!has(self.gpus) || self.gpus % self.nodes == 0": _whole_nodes,
    "!self.output.merge || self.training.method != 'full'": _something_to_merge,
    f"!has(self.max) || {_cel_count('min')} < {_cel_count('max')}": _upright,
}
"""Rule text, as in the CRD, to the same judgement of a value without nulls."""


def holds(rule: str, value: Value) -> bool:
    """Whether a rule holds for a value. Raises KeyError for a rule that has no meaning here."""
    if _ONE_OF.fullmatch(rule):
        return sum(field in value for field in _HAS.findall(rule)) == 1
    return MEANINGS[rule](value)


def rules(model: type[BaseModel]) -> list[dict[str, str]]:
    """The CEL rules that stand beside a model: `rule` and `message`."""
    extra = model.model_config.get("json_schema_extra")
    return list(extra.get("x-kubernetes-validations", [])) if isinstance(extra, dict) else []  # type: ignore[arg-type, call-overload, unused-ignore]


def child_model(annotation: Any) -> type[BaseModel] | None:
    """The model inside an annotation such as `list[X] | None`, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := child_model(arg))), None)


def broken(model: type[BaseModel], value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """(where, message) of every rule that `value`, a JSON object for `model`, breaks.

    Values of wrong types are passed over: saying so is the schema's part.
    """
    if not isinstance(value, Mapping):
        return
    for rule in rules(model):
        try:
            good = holds(rule["rule"], value)
        except (TypeError, AttributeError, ValueError, ZeroDivisionError):
            continue
        if not good:
            yield path, rule["message"]
    for name, field in model.model_fields.items():
        alias = field.alias or name
        child = child_model(field.annotation)
        if child is None or alias not in value:
            continue
        inner = value[alias]
        items = enumerate(inner) if isinstance(inner, list) else [(None, inner)]
        for position, item in items:
            here = (*path, alias) if position is None else (*path, alias, position)
            yield from broken(child, item, here)
