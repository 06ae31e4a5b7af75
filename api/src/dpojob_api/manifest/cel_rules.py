"""The CRDs' CEL rules in Python, for checking a manifest without an API server.

The rules are written beside the models they guard; here each rule's text has a Python function that
evaluates it. A rule without one is an error, so that the two cannot diverge unnoticed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from dpojob_api.pool import (
    DEFAULT_GPU_RESOURCE,
    EXTENDED_RESOURCES_RULE,
    GPU_OF_THE_PLAN_RULE,
    MOUNT_PATH_RULE,
    MOUNTED_VOLUMES_RULE,
    REQUESTS_WITHIN_LIMITS_RULE,
    RESERVED_PATH_RULE,
    RESERVED_PATHS,
    UNIQUE_VOLUMES_RULE,
    cel_count,
)
from dpojob_api.quantity import parse_count, parse_quantity
from dpojob_api.spec import (
    EVERY_EVAL_RULE,
    HTTP_INSIDE_CLUSTER,
    JUDGE_OR_TASKS_RULE,
    KEY_OVER_HTTPS_RULE,
    PATH_RULE,
    REQUIREMENT_RULE,
    UNIQUE_TASKS_RULE,
)

Path = tuple[str | int, ...]
"""Place in a document: field names and list positions."""
Value = Mapping[str, Any]
"""A JSON object without nulls."""

_ONE_OF = re.compile(r"\(has\(self\.\w+\) \? 1 : 0\)( \+ \(has\(self\.\w+\) \? 1 : 0\))+ == 1")
_HAS = re.compile(r"has\(self\.(\w+)\)")


def _path_is_relative(value: Value) -> bool:
    path = value.get("path", "")
    return not path.startswith("/") and ".." not in path.split("/")


def _gpus_per_node_is_whole(value: Value) -> bool:
    return "gpus" not in value or bool(value["gpus"] % value.get("nodes", 1) == 0)


def _merge_has_adapter(value: Value) -> bool:
    merge = value.get("output", {}).get("merge", False)
    return not merge or value.get("training", {}).get("method", "auto") != "full"


def _requirements_can_be_met(value: Value) -> bool:
    require = value.get("require", {})
    by_judge = {"winRate", "maxLengthGrowth"} & require.keys()
    return ("judge" in value or not by_judge) and ("tasks" in value or "maxTaskDrop" not in require)


def _min_is_below_max(value: Value) -> bool:
    return "max" not in value or parse_count(value.get("min", "0")) < parse_count(value["max"])


def _mount_path_is_plain(value: Value) -> bool:
    path = value["mountPath"]
    parts = path.split("/")
    return path.startswith("/") and not path.endswith("/") and not {".", ".."} & set(parts)


def _mount_path_is_free(value: Value) -> bool:
    path = f"{value['mountPath']}/"
    return not any(path.startswith(f"{each}/") or each.startswith(path) for each in RESERVED_PATHS)


def _mounts_name_volumes(value: Value) -> bool:
    names = {volume["name"] for volume in value.get("volumes", [])}
    return all(mount["name"] in names for mount in value.get("volumeMounts", []))


def _extended_resources_have_limits(value: Value) -> bool:
    limits = value.get("limits", {})
    return all(
        "/" not in name or limits.get(name) == quantity
        for name, quantity in value.get("requests", {}).items()
    )


def _requests_are_within_limits(value: Value) -> bool:
    limits = value.get("limits", {})
    return all(
        name not in limits or parse_quantity(quantity) <= parse_quantity(limits[name])
        for name, quantity in value.get("requests", {}).items()
    )


def _gpus_are_left_to_the_plan(value: Value) -> bool:
    resources = value.get("pod", {}).get("resources", {})
    gpu = value.get("gpu", {}).get("resource", DEFAULT_GPU_RESOURCE)
    return all(gpu not in resources.get(kind, {}) for kind in ("requests", "limits"))


def _names_are_unique(items: list[Value]) -> bool:
    names = [item["name"] for item in items]
    return len(names) == len(set(names))


def _key_is_sent_over_https(value: Value) -> bool:
    return (
        "secret" not in value
        or value["url"].startswith("https://")
        or re.match(HTTP_INSIDE_CLUSTER, value["url"]) is not None
    )


EVALUATORS: dict[str, Callable[[Value], bool]] = {
    PATH_RULE["rule"]: _path_is_relative,
    "!has(self.revision) || has(self.repo)": lambda v: "revision" not in v or "repo" in v,
    "has(self.repo) || !(has(self.config) || has(self.revision))": lambda v: (
        "repo" in v or not ("config" in v or "revision" in v)
    ),
    "!has(self.verdict) || (has(self.chosen) && has(self.rejected))": lambda v: (
        "verdict" not in v or {"chosen", "rejected"} <= v.keys()
    ),
    "!has(self.gpus) || self.gpus % self.nodes == 0": _gpus_per_node_is_whole,
    "!self.output.merge || self.training.method != 'full'": _merge_has_adapter,
    MOUNT_PATH_RULE["rule"]: _mount_path_is_plain,
    RESERVED_PATH_RULE["rule"]: _mount_path_is_free,
    MOUNTED_VOLUMES_RULE["rule"]: _mounts_name_volumes,
    UNIQUE_VOLUMES_RULE["rule"]: lambda v: _names_are_unique(v.get("volumes", [])),
    EXTENDED_RESOURCES_RULE["rule"]: _extended_resources_have_limits,
    REQUESTS_WITHIN_LIMITS_RULE["rule"]: _requests_are_within_limits,
    GPU_OF_THE_PLAN_RULE["rule"]: _gpus_are_left_to_the_plan,
    EVERY_EVAL_RULE["rule"]: lambda v: (
        not v.get("everyEval", False) or ("judge" in v and "endpoint" not in v["judge"])
    ),
    KEY_OVER_HTTPS_RULE["rule"]: _key_is_sent_over_https,
    "!has(self.fromEval) || self.fromEval || has(self.volume)": lambda v: (
        v.get("fromEval", True) or "volume" in v
    ),
    "!has(self.requireImproved) || !self.requireImproved || self.kind == 'DPOJob'": lambda v: (
        not v.get("requireImproved", False) or v.get("kind", "DPOJob") == "DPOJob"
    ),
    JUDGE_OR_TASKS_RULE["rule"]: lambda v: "judge" in v or "tasks" in v,
    UNIQUE_TASKS_RULE["rule"]: lambda v: _names_are_unique(v.get("tasks", [])),
    REQUIREMENT_RULE["rule"]: _requirements_can_be_met,
    f"!has(self.max) || {cel_count('min')} < {cel_count('max')}": _min_is_below_max,
}
"""Rule text, as in the CRD, to the function that evaluates it."""


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
    return EVALUATORS[rule](value)


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
