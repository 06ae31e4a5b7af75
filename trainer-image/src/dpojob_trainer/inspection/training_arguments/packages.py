"""Packages that an argument needs and the training image may not have."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from dpojob_trainer.shared.container_environment import ContainerEnvironment

OPTIMIZERS = {
    "adalomo": "lomo_optim",
    "adamw_anyprecision": "torchdistx",
    "adamw_torch_4bit": "torchao",
    "adamw_torch_8bit": "torchao",
    "adamw_torch_npu_fused": "torch_npu",
    "adamw_torch_xla": "torch_xla",
    "apollo": "apollo_torch",
    "galore": "galore_torch",
    "grokadamw": "grokadamw",
    "lomo": "lomo_optim",
    "schedule_free": "schedulefree",
    "stable_adamw": "optimi",
    **dict.fromkeys(
        ("adamw_8bit", "adamw_bnb_8bit", "ademamix", "lion", "paged", "rmsprop_bnb"), "bitsandbytes"
    ),
}
"""By how the value of `optim` begins. All others are torch's and transformers' own."""
ATTENTION = {
    "flash_attention_2": "flash_attn",
    "flash_attention_3": "flash_attn_interface",
}
"""Values of `attn_implementation` to their packages."""
OWN_ATTENTION = ("eager", "flex_attention", "sdpa")
"""Those of transformers and torch themselves."""
IN_IMAGE = ("bitsandbytes",)
"""Those of the packages in our training image."""


def lacking(arguments: Mapping[str, Any]) -> list[str]:
    """Arguments whose package the training image has not, as clauses."""
    found = []
    optimizer = str(arguments.get("optim", ""))
    begins = max((name for name in OPTIMIZERS if optimizer.startswith(name)), default=None, key=len)
    if begins is not None and not present(OPTIMIZERS[begins]):
        found.append(
            absent(
                f"optim {optimizer}",
                OPTIMIZERS[begins],
                "write adamw_torch, adafactor or adamw_8bit",
            )
        )
    return found


def absent(what: str, package: str, way_out: str) -> str:
    """That `what` cannot be had, and the ways out, as a clause."""
    return (
        f"{what} needs the package {package}, which the training image has not: {way_out}, or ask "
        "whoever runs this installation for an image with it (docs/train.md)"
    )


def present(package: str) -> bool:
    """Whether the training image has it; where training is installed beside inspection, this place."""
    if find_spec("transformers") is not None:
        return find_spec(package) is not None
    return package in IN_IMAGE or package in ContainerEnvironment().extra_packages
