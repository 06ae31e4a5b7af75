"""Checks `model_init_kwargs`, the options with which the model is loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dpojob_api.spelling import nearest

from .packages import ATTENTION_PACKAGES, BUILT_IN_ATTENTION, is_installed, missing_package

RESERVED: Mapping[str, str] = {
    "dtype": "hardware.pool (the plan takes the precision its GPU has)",
    "torch_dtype": "hardware.pool (the plan takes the precision its GPU has)",
    "device_map": "hardware.gpus (the plan divides the model where memory needs it)",
    "max_memory": "hardware.pool",
    "tp_plan": "hardware.gpus",
    "tp_size": "hardware.gpus",
    "quantization_config": "training.method: qlora",
    "load_in_4bit": "training.method: qlora",
    "load_in_8bit": "training.method: qlora",
    "revision": "model.revision",
    "subfolder": "model.volume.path",
    "token": "hubTokenSecret",
    "trust_remote_code": "nothing: code from a repository is never run",
}
"""Options that are not the user's, each with the field of the spec to use instead."""
LOADING_ARGUMENTS = ("attn_implementation", "experts_implementation", "use_kernels")
"""Arguments of `from_pretrained`; every other name is a field of the model's config."""


def find_invalid_model_init_kwargs(
    options: Mapping[str, Any], fields: Collection[str]
) -> list[str]:
    """Find invalid options for loading the model.

    Args:
        options: `model_init_kwargs` of the spec.
        fields: The fields of the models' configs.

    Returns:
        The problems, as clauses of a message.
    """
    return [
        problem for name, value in options.items() if (problem := _problem(name, value, fields))
    ]


def _problem(name: str, value: Any, fields: Collection[str]) -> str | None:
    what = f"model_init_kwargs.{name}"
    if name in RESERVED:
        return f"{what} is decided elsewhere: write {RESERVED[name]}"
    if name not in LOADING_ARGUMENTS and name not in fields:
        suggestion = nearest(name, [*fields, *LOADING_ARGUMENTS, *RESERVED])
        return f"{what} is no field of a model's config" + (
            f"; did you mean {suggestion}?" if suggestion else ""
        )
    if name == "use_kernels" and value and not is_installed("kernels"):
        return missing_package(f"{what}: true", "kernels", "leave it out")
    if name == "attn_implementation":
        return _attention_problem(what, value)
    return None


def _attention_problem(what: str, value: Any) -> str | None:
    if value in BUILT_IN_ATTENTION or value is None:
        return None
    if value in ATTENTION_PACKAGES:
        package = ATTENTION_PACKAGES[value]
        return (
            None
            if is_installed(package)
            else missing_package(f"{what}: {value}", package, "write sdpa")
        )
    if isinstance(value, str) and "/" in value:
        return (
            None
            if is_installed("kernels")
            else missing_package(f"{what}: {value}", "kernels", "write sdpa")
        )
    choices = [*BUILT_IN_ATTENTION, *ATTENTION_PACKAGES]
    suggestion = nearest(value, choices) if isinstance(value, str) else None
    return f"{what} must be one of {', '.join(choices)}, not {value!r}" + (
        f"; did you mean {suggestion}?" if suggestion else ""
    )
