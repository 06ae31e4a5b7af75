"""Python packages that arguments need and the training image may lack."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from dpojob_trainer.shared.container_environment import ContainerEnvironment

OPTIMIZER_PACKAGES = {
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
"""The package by prefix of `optim`; other optimizers are part of torch and transformers."""
ATTENTION_PACKAGES = {
    "flash_attention_2": "flash_attn",
    "flash_attention_3": "flash_attn_interface",
}
"""The package by value of `attn_implementation`."""
BUILT_IN_ATTENTION = ("eager", "flex_attention", "sdpa")
"""Values of `attn_implementation` that need no further package."""
IN_IMAGE = ("bitsandbytes",)
"""The optional packages in this project's training image."""


def find_missing_packages(arguments: Mapping[str, Any]) -> list[str]:
    """Find arguments that need a package which the training image lacks.

    Args:
        arguments: `training.arguments` of the spec.

    Returns:
        The problems, as clauses of a message.
    """
    problems = []
    optimizer = str(arguments.get("optim", ""))
    prefix = max(
        (name for name in OPTIMIZER_PACKAGES if optimizer.startswith(name)), default=None, key=len
    )
    if prefix is not None and not is_installed(OPTIMIZER_PACKAGES[prefix]):
        problems.append(
            missing_package(
                f"optim {optimizer}",
                OPTIMIZER_PACKAGES[prefix],
                "write adamw_torch, adafactor or adamw_8bit",
            )
        )
    return problems


def missing_package(argument: str, package: str, remedy: str) -> str:
    """The message for a package that the training image lacks.

    Args:
        argument: The argument that needs it.
        package: The package.
        remedy: What to write instead.

    Returns:
        A clause of a message.
    """
    return (
        f"{argument} needs the package {package}, which the training image has not: {remedy}, or ask "
        "whoever runs this installation for an image with it (docs/train.md)"
    )


def is_installed(package: str) -> bool:
    """Whether the training image has a package.

    Args:
        package: The name under which it is imported.

    Returns:
        Whether this environment has it, where training is installed in it (transformers is there);
        else whether the training image is known to have it.
    """
    if find_spec("transformers") is not None:
        return find_spec(package) is not None
    return package in IN_IMAGE or package in ContainerEnvironment().extra_packages
