"""The CEL rules of a GPUPool's spec in Python."""

from __future__ import annotations

from collections.abc import Callable

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

from .job_rules import Value, names_are_unique


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


POOL_RULES: dict[str, Callable[[Value], bool]] = {
    MOUNT_PATH_RULE["rule"]: _mount_path_is_plain,
    RESERVED_PATH_RULE["rule"]: _mount_path_is_free,
    MOUNTED_VOLUMES_RULE["rule"]: _mounts_name_volumes,
    UNIQUE_VOLUMES_RULE["rule"]: lambda v: names_are_unique(v.get("volumes", [])),
    EXTENDED_RESOURCES_RULE["rule"]: _extended_resources_have_limits,
    REQUESTS_WITHIN_LIMITS_RULE["rule"]: _requests_are_within_limits,
    GPU_OF_THE_PLAN_RULE["rule"]: _gpus_are_left_to_the_plan,
    f"!has(self.max) || {cel_count('min')} < {cel_count('max')}": _min_is_below_max,
}
"""Rule text, as in the CRD, to the function that evaluates it."""
