"""The CEL rules of a DPOJob's spec in Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from dpojob_api.spec import (
    EVERY_EVAL_RULE,
    HTTP_INSIDE_CLUSTER,
    JUDGE_OR_TASKS_RULE,
    KEY_OVER_HTTPS_RULE,
    PATH_RULE,
    REQUIREMENT_RULE,
    UNIQUE_TASKS_RULE,
    WHOLE_SPLIT_RULE,
)

Value = Mapping[str, Any]
"""A JSON object without nulls."""


def names_are_unique(items: list[Value]) -> bool:
    """Tell whether no two entries of a list have the same name.

    Args:
        items: Objects with a `name` each.

    Returns:
        Whether all names differ.
    """
    names = [item["name"] for item in items]
    return len(names) == len(set(names))


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


def _key_is_sent_over_https(value: Value) -> bool:
    return (
        "secret" not in value
        or value["url"].startswith("https://")
        or re.match(HTTP_INSIDE_CLUSTER, value["url"]) is not None
    )


JOB_RULES: dict[str, Callable[[Value], bool]] = {
    PATH_RULE["rule"]: _path_is_relative,
    "!has(self.revision) || has(self.repo)": lambda v: "revision" not in v or "repo" in v,
    "has(self.repo) || !(has(self.config) || has(self.revision))": lambda v: (
        "repo" in v or not ("config" in v or "revision" in v)
    ),
    "!has(self.scores) || (has(self.chosen) && has(self.rejected))": lambda v: (
        "scores" not in v or {"chosen", "rejected"} <= v.keys()
    ),
    "!has(self.scores) || !has(self.verdict)": lambda v: not {"scores", "verdict"} <= v.keys(),
    "!has(self.verdict) || (has(self.chosen) && has(self.rejected))": lambda v: (
        "verdict" not in v or {"chosen", "rejected"} <= v.keys()
    ),
    "!has(self.gpus) || self.gpus % self.nodes == 0": _gpus_per_node_is_whole,
    "!self.output.merge || self.training.method != 'full'": _merge_has_adapter,
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
    UNIQUE_TASKS_RULE["rule"]: lambda v: names_are_unique(v.get("tasks", [])),
    REQUIREMENT_RULE["rule"]: _requirements_can_be_met,
    WHOLE_SPLIT_RULE: lambda v: "[" not in v.get("split", ""),
}
"""Rule text, as in the CRD, to the function that evaluates it."""
