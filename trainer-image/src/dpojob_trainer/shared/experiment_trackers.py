"""Experiment trackers that `report_to` in `training.arguments` may name: those in the training image."""

from __future__ import annotations

import logging
from importlib.util import find_spec

from dpojob_api.conditions import Reason
from dpojob_api.spec import DPOJobSpec
from dpojob_api.spelling import nearest

from .container_environment import ContainerEnvironment
from .errors import InspectionError

log = logging.getLogger(__name__)
TRACKER_PACKAGES = {
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
"""Every tracker that transformers can report to, with the Python package it needs."""
IMAGE_TRACKERS = ("mlflow", "tensorboard", "trackio", "wandb")
"""Those in our training image."""
REQUIRED_VARIABLES = {
    "mlflow": ("MLFLOW_TRACKING_URI",),
    "wandb": ("WANDB_API_KEY", "WANDB_MODE"),
    "comet_ml": ("COMET_API_KEY",),
    "neptune": ("NEPTUNE_API_TOKEN",),
}
"""One of these variables must be set, or the tracker has no address to report to."""

TRACKER_VARIABLES = {
    "azure_ml": "AZUREML_",
    "clearml": "CLEARML_",
    "codecarbon": "CODECARBON_",
    "comet_ml": "COMET_",
    "dagshub": "DAGSHUB_",
    "dvclive": "DVCLIVE_",
    "flyte": "FLYTE_",
    "mlflow": "MLFLOW_",
    "neptune": "NEPTUNE_",
    "swanlab": "SWANLAB_",
    "tensorboard": "TENSORBOARD_",
    "trackio": "TRACKIO_",
    "wandb": "WANDB_",
}
"""What the names of each tracker's own variables begin with."""
STORAGE_VARIABLES = frozenset({
    "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
})  # fmt: skip
"""Credentials and place of a storage to which trackers and `output.s3` write. None names a file or a program."""


def adopt_secret_variables(spec: DPOJobSpec, environment: ContainerEnvironment) -> None:
    """Set the variables of the Secret of `environmentSecret` that are the requested trackers' or a storage's.

    The others are left out, with a line in the log: they could have a library run a user's code, or lift limits
    that the installation sets by variables.
    """
    prefixes = tuple(
        TRACKER_VARIABLES[name] for name in requested_trackers(spec) if name in TRACKER_VARIABLES
    )
    values = environment.pop_secret_variables()
    adopted = {name for name in values if name in STORAGE_VARIABLES or name.startswith(prefixes)}
    environment.set_defaults({name: values[name] for name in adopted})
    left_out = sorted(values.keys() - adopted)
    if left_out:
        log.warning(
            "left out of the Secret of spec.environmentSecret: %s; no tracker in training.arguments.report_to has "
            "a variable of that name",
            ", ".join(left_out),
        )


def requested_trackers(spec: DPOJobSpec) -> list[str]:
    """The trackers that the spec asks for."""
    report_to = spec.training.arguments.get("report_to")
    names = report_to if isinstance(report_to, list) else [report_to]
    return [name for name in names if isinstance(name, str) and name != "none"]


def check_trackers(spec: DPOJobSpec) -> None:
    """Raise InspectionError (InvalidArguments) for a tracker that is unknown, missing or not configured."""
    for name in requested_trackers(spec):
        problem = _availability_problem(name) or _configuration_problem(name, spec)
        if problem:
            raise InspectionError(
                Reason.INVALID_ARGUMENTS, f"training.arguments.report_to: {problem}"
            )


def _availability_problem(name: str) -> str | None:
    available = sorted(available_trackers())
    if name == "all":
        return f"all would report to whatever is installed; name what you want of: {', '.join(available)}."
    if name not in TRACKER_PACKAGES:
        near = nearest(name, list(TRACKER_PACKAGES))
        return (
            f"{name!r} is no tracker; {f'did you mean {near}? ' if near else ''}The training image has "
            f"{', '.join(available)}."
        )
    if name not in available:
        return (
            f"{name} is not in the training image, which has {', '.join(available)}. Name one of these, or ask "
            f"whoever runs this installation for a training image with {TRACKER_PACKAGES[name]} (docs/train.md)."
        )
    return None


def _configuration_problem(name: str, spec: DPOJobSpec) -> str | None:
    """Why the tracker cannot have an address: no Secret is named, and no variable is set.

    The Secret itself is not read here.
    """
    required = REQUIRED_VARIABLES.get(name)
    if not required or spec.environment_secret is not None:
        return None
    if any(ContainerEnvironment().selected(required).values()):
        return None
    return (
        f"{name} needs {' or '.join(required)}: put it into a Secret and name that in "
        "spec.environmentSecret."
    )


def available_trackers() -> frozenset[str]:
    """The trackers of the training image; where transformers is installed, those installed here."""
    if find_spec("transformers") is not None:
        return frozenset(name for name, package in TRACKER_PACKAGES.items() if find_spec(package))
    return frozenset(IMAGE_TRACKERS) | (
        ContainerEnvironment().extra_trackers & TRACKER_PACKAGES.keys()
    )
