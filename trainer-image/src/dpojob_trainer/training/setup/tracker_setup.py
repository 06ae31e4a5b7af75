"""Experiment trackers named in `report_to`: where they write, and their files beside the model."""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path

from dpojob_api.conditions import Reason
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.experiment_trackers import REQUIRED_VARIABLES, requested_trackers

from .errors import TrainingError
from .train_job import TrainJob

log = logging.getLogger(__name__)
DIRECTORIES = {
    "tensorboard": "TENSORBOARD_LOGGING_DIR",
    "trackio": "TRACKIO_DIR",
    "wandb": "WANDB_DIR",
}
"""Trackers that write files, and the variable that sets the directory; each gets one of its name."""
DEFAULTS = {
    # With MLflow's defaults a server that is down would delay each step by minutes.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    # wandb would send reports of its own errors to its vendor.
    "WANDB_ERROR_REPORTING": "false",
}
"""Variables that are set unless the user's Secret sets them."""


def configure_trackers(job: TrainJob) -> None:
    """Set the trackers' variables before they are imported.

    Raises TrainingError where a tracker has no address to report to.
    """
    environment = ContainerEnvironment()
    for name in requested_trackers(job.spec):
        required = REQUIRED_VARIABLES.get(name, ())
        if required and not any(environment.selected(required).values()):
            raise TrainingError(
                Reason.INVALID_ARGUMENTS,
                f"training.arguments.report_to names {name}, and {' or '.join(required)} is not set; put it "
                "into the Secret that spec.environmentSecret names",
            )
        if name in DIRECTORIES:
            environment.set_defaults({DIRECTORIES[name]: str(job.checkpoints / name)})
    environment.set_defaults(DEFAULTS)


def copy_tracker_files(job: TrainJob, directory: Path) -> None:
    """Copy the trackers' files from the checkpoints' directory to the model's `directory`."""
    if "wandb" in requested_trackers(job.spec):
        _finish_wandb()
    for name in requested_trackers(job.spec):
        written = job.checkpoints / name
        if name in DIRECTORIES and written.is_dir():
            # Symbolic links, such as wandb's to its latest run, would be copied a second time.
            shutil.copytree(written, directory / name, ignore=_symlinks, dirs_exist_ok=True)


def _finish_wandb() -> None:
    """Have wandb's service write its last records and end, which otherwise happens at process exit.

    Finishing the run alone is not enough: wandb may write its file after that.
    """
    wandb = sys.modules.get("wandb")
    if wandb is None:
        return
    try:
        wandb.teardown(exit_code=0)
    except Exception:  # A failing tracker must not end the training.
        log.warning("wandb could not finish its run", exc_info=True)


def _symlinks(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(directory, name).is_symlink()]
