"""The choice between a model on a claim and one on the hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dpojob_api.spec import ModelSource
from dpojob_trainer.shared.errors import ModelNotFound

from .files import ModelFiles
from .hub_files import HubModel
from .local_files import LocalModel


def open_model(model: ModelSource, volumes: Mapping[str, Path], token: str | None) -> ModelFiles:
    """Open the files of a model.

    Args:
        model: The model of the spec.
        volumes: The directory at which each claim is mounted.
        token: A token for the Hugging Face hub.

    Returns:
        The files.

    Raises:
        ModelNotFound: The model does not exist.
    """
    if model.volume is not None:
        return LocalModel(model.volume.claim_name, model.volume.path, volumes, token)
    if model.repo is not None:
        return HubModel(model.repo, model.revision, token)
    if model.from_job is not None:
        raise ModelNotFound(
            f"model.fromJob names {model.from_job.kind} {model.from_job.name!r}, which only a cluster "
            "can follow; outside one, name its output as model.volume or model.repo"
        )
    raise ModelNotFound("spec.model names no repo, volume or fromJob")
