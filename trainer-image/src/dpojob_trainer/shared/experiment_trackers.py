"""Trackers that `training.arguments` may name in `report_to`: those that the training image has."""

from __future__ import annotations

import os
from importlib.util import find_spec

from dpojob_api.conditions import Reason
from dpojob_api.spec import DPOJobSpec
from dpojob_api.spelling import nearest
from dpojob_trainer.shared.errors import InspectionError

PACKAGES = {
    "azure_ml": "azureml",
    "clearml": "clearml",
    "codecarbon": "codecarbon",
    "comet_ml": "comet_ml",
    "dagshub": "dagshub",
    "dvclive": "dvclive",
    "flyte": "flytekit",
    "mlflow": "mlflow",
    "neptune": "neptune",
    "swanlab": "swanlab",
    "tensorboard": "tensorboard",
    "trackio": "trackio",
    "wandb": "wandb",
}
"""What transformers can report to, and the package it needs for that."""
IN_IMAGE = ("mlflow", "tensorboard", "trackio", "wandb")
"""Those of them in our training image."""
ENV_TRACKERS = "DPOJOB_TRACKERS"
"""Names of more, with commas between, that an installation's own training image has."""
NEEDS = {
    "mlflow": ("MLFLOW_TRACKING_URI",),
    "wandb": ("WANDB_API_KEY", "WANDB_MODE"),
    "comet_ml": ("COMET_API_KEY",),
    "neptune": ("NEPTUNE_API_TOKEN",),
}
"""One of these variables must be set, or the tracker knows of no place to report to."""


def named(spec: DPOJobSpec) -> list[str]:
    """The trackers that the spec asks for."""
    told = spec.training.arguments.get("report_to")
    names = told if isinstance(told, list) else [told]
    return [name for name in names if isinstance(name, str) and name != "none"]


def check_trackers(spec: DPOJobSpec) -> None:
    """Raises InspectionError (InvalidArguments) for a tracker that is unknown, not there or nowhere."""
    for name in named(spec):
        wrong = _wrong(name) or _placeless(name, spec)
        if wrong:
            raise InspectionError(
                Reason.INVALID_ARGUMENTS, f"training.arguments.report_to: {wrong}"
            )


def _wrong(name: str) -> str | None:
    here = sorted(present())
    if name == "all":
        return (
            f"all would report to whatever is installed; name what you want of: {', '.join(here)}."
        )
    if name not in PACKAGES:
        near = nearest(name, list(PACKAGES))
        return (
            f"{name!r} is no tracker; {f'did you mean {near}? ' if near else ''}The training image has "
            f"{', '.join(here)}."
        )
    if name not in here:
        return (
            f"{name} is not in the training image, which has {', '.join(here)}. Name one of these, or ask "
            f"whoever runs this installation for a training image with {PACKAGES[name]} (docs/train.md)."
        )
    return None


def _placeless(name: str, spec: DPOJobSpec) -> str | None:
    """No Secret is read here; but where none is named and nothing is set, nothing will be."""
    wanted = NEEDS.get(name)
    if not wanted or spec.environment_secret is not None or any(map(os.environ.get, wanted)):
        return None
    return (
        f"{name} needs {' or '.join(wanted)}: put it into a Secret and name that in "
        "spec.environmentSecret."
    )


def present() -> frozenset[str]:
    """Trackers of the training image; where training is installed beside inspection, of this place."""
    if find_spec("transformers") is not None:
        return frozenset(name for name, package in PACKAGES.items() if find_spec(package))
    more = os.environ.get(ENV_TRACKERS, "").split(",")
    return frozenset(IN_IMAGE) | {name.strip() for name in more if name.strip() in PACKAGES}
