"""`model_init_kwargs`: what may be said of how the model is loaded."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from dpojob_api.spelling import nearest

from .packages import ATTENTION, OWN_ATTENTION, absent, present

OWNED: Mapping[str, str] = {
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
"""To the field of the spec that says it."""
USED = ("attn_implementation", "experts_implementation", "use_kernels")
"""What loading itself takes; every other name is a field of the model's own config."""


def amiss(options: Mapping[str, Any], fields: Collection[str]) -> list[str]:
    """What is wrong with each, as clauses. `fields` are those of the models' configs."""
    return [said for name, value in options.items() if (said := _wrong(name, value, fields))]


def _wrong(name: str, value: Any, fields: Collection[str]) -> str | None:
    what = f"model_init_kwargs.{name}"
    if name in OWNED:
        return f"{what} is decided elsewhere: write {OWNED[name]}"
    if name not in USED and name not in fields:
        near = nearest(name, [*fields, *USED, *OWNED])
        return f"{what} is no field of a model's config" + (
            f"; did you mean {near}?" if near else ""
        )
    if name == "use_kernels" and value and not present("kernels"):
        return absent(f"{what}: true", "kernels", "leave it out")
    if name == "attn_implementation":
        return _attention(what, value)
    return None


def _attention(what: str, value: Any) -> str | None:
    if value in OWN_ATTENTION or value is None:
        return None
    if value in ATTENTION:
        package = ATTENTION[value]
        return None if present(package) else absent(f"{what}: {value}", package, "write sdpa")
    if isinstance(value, str) and "/" in value:
        return None if present("kernels") else absent(f"{what}: {value}", "kernels", "write sdpa")
    choices = [*OWN_ATTENTION, *ATTENTION]
    near = nearest(value, choices) if isinstance(value, str) else None
    return f"{what} must be one of {', '.join(choices)}, not {value!r}" + (
        f"; did you mean {near}?" if near else ""
    )
