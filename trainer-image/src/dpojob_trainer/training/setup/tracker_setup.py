"""Trackers named in `report_to`: their files kept with the model, their failures kept from training."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dpojob_api.conditions import Reason
from dpojob_trainer.shared.experiment_trackers import NEEDS, named

from .errors import Failure
from .train_job import TrainJob

log = logging.getLogger(__name__)
DIRECTORIES = {
    "tensorboard": "TENSORBOARD_LOGGING_DIR",
    "trackio": "TRACKIO_DIR",
    "wandb": "WANDB_DIR",
}
"""Trackers that write files, and the variable that says where; kept under the tracker's name."""
MANNERS = {
    # By its own defaults a server that is down would hold up each step for minutes.
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    # Reports of its own errors would go to its makers.
    "WANDB_ERROR_REPORTING": "false",
}
"""Unless the user's Secret says otherwise."""


def prepare(job: TrainJob) -> None:
    """Tell the trackers where to write, before they are loaded. Raises Failure where one cannot know."""
    for name in named(job.spec):
        wanted = NEEDS.get(name, ())
        if wanted and not any(map(os.environ.get, wanted)):
            raise Failure(
                Reason.INVALID_ARGUMENTS,
                f"training.arguments.report_to names {name}, and {' or '.join(wanted)} is not set; put it "
                "into the Secret that spec.environmentSecret names",
            )
        if name in DIRECTORIES:
            os.environ.setdefault(DIRECTORIES[name], str(job.checkpoints / name))
    for variable, value in MANNERS.items():
        os.environ.setdefault(variable, value)


def keep(job: TrainJob, directory: Path) -> None:
    """Copy what trackers wrote beside the model in `directory`; where else they write stays there."""
    if "wandb" in named(job.spec):
        _finish_wandb()
    for name in named(job.spec):
        written = job.checkpoints / name
        if name in DIRECTORIES and written.is_dir():
            # Links (wandb's to its latest run) would become second copies.
            shutil.copytree(written, directory / name, ignore=_links, dirs_exist_ok=True)


def _finish_wandb() -> None:
    """Have its service write what it still holds, and end; transformers leaves that to the process's end.

    Finishing the run alone would not do: its file may be written after that.
    """
    wandb = sys.modules.get("wandb")
    if wandb is None:
        return
    try:
        wandb.teardown(exit_code=0)
    except Exception:  # Whatever fails in a tracker costs no training.
        log.warning("wandb could not finish its run", exc_info=True)


def _links(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(directory, name).is_symlink()]


def guard(trainer: Any, notes: list[str]) -> None:
    """Let no tracker end the training: one that fails is left out from there on, with a note."""
    from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

    names = {kind: name for name, kind in INTEGRATION_TO_CALLBACK.items()}
    callbacks = trainer.callback_handler.callbacks
    for at, callback in enumerate(callbacks):
        if type(callback) in names:
            callbacks[at] = _Guarded(callback, names[type(callback)], notes)


class _Guarded:
    """A tracker's callback; its first exception is its last."""

    def __init__(self, inner: Any, name: str, notes: list[str]) -> None:
        self._inner = inner
        self._name = name
        self._notes = notes
        self._failed = False

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._inner, attribute)
        return self._call(found) if attribute.startswith("on_") else found

    def _call(self, event: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            if self._failed:
                return None
            try:
                return event(*arguments, **more)
            except Exception as error:
                self._failed = True
                lines = str(error).strip().splitlines() or [""]
                note = f"{self._name} failed and was left out from then on: {lines[0][:200]}"
                log.warning("%s", note, exc_info=True)
                self._notes.append(note)
                return None

        return call
