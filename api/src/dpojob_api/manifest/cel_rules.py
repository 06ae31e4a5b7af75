"""The CRDs' CEL rules in Python, for checking a manifest without an API server.

The rules are written beside the models they guard; each rule's text has a Python function that evaluates it, in
`job_rules` or `pool_rules`. A rule without one is an error, so that the two cannot diverge unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from .job_rules import JOB_RULES, Value

Path = tuple[str | int, ...]
"""Place in a document: field names and list positions."""

_ONE_OF = re.compile(r"\(has\(self\.\w+\) \? 1 : 0\)( \+ \(has\(self\.\w+\) \? 1 : 0\))+ == 1")
_HAS = re.compile(r"has\(self\.(\w+)\)")


def rule_holds(rule: str, value: Value) -> bool:
    """Evaluate a CEL rule.

    Args:
        rule: The rule's text, as in the CRD.
        value: The object that the rule is about (`self`).

    Returns:
        Whether the rule holds.

    Raises:
        KeyError: The rule has no evaluator.
    """
    if _ONE_OF.fullmatch(rule):
        return sum(field in value for field in _HAS.findall(rule)) == 1
    return _evaluator(rule)(value)


def _evaluator(rule: str) -> Callable[[Value], bool]:
    if rule in JOB_RULES:
        return JOB_RULES[rule]
    # Imported here, because a manifest of a DPOJob needs no models of a GPUPool.
    from .pool_rules import POOL_RULES

    return POOL_RULES[rule]


def rules_of(model: type[BaseModel]) -> list[dict[str, str]]:
    """List the CEL rules that are written beside a model.

    Args:
        model: A model of the API.

    Returns:
        `rule` and `message` of each.
    """
    extra = model.model_config.get("json_schema_extra")
    return list(extra.get("x-kubernetes-validations", [])) if isinstance(extra, dict) else []  # type: ignore[arg-type, call-overload, unused-ignore]


def child_model(annotation: Any) -> type[BaseModel] | None:
    """Find the model inside an annotation such as `list[X] | None`.

    Args:
        annotation: The annotation of a model's field.

    Returns:
        The first model in it; None when there is none.
    """
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for arg in get_args(annotation) if (found := child_model(arg))), None)


def broken_rules(model: type[BaseModel], value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Find the rules that a value breaks.

    Values of wrong types are ignored: the schema reports them.

    Args:
        model: The model whose rules apply, to the value and everything inside it.
        value: A JSON object.
        path: Place of the value in its document.

    Yields:
        The path of the object and the message of each broken rule.
    """
    if not isinstance(value, Mapping):
        return
    for rule in rules_of(model):
        try:
            good = rule_holds(rule["rule"], value)
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
            yield from broken_rules(child, item, here)
