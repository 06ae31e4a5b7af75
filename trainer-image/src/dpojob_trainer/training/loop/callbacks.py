"""Trainer callbacks: progress and health, samples, checkpoint manifests, interruption."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers import TrainerCallback

from dpojob_api.conditions import Reason
from dpojob_trainer.training.setup.errors import Interrupted
from dpojob_trainer.training.setup.signals import StopRequest

from . import checkpoints, health
from .memory import read_gpu_memory
from .progress import ProgressRecorder
from .samples import Samples

log = logging.getLogger(__name__)
SAVE_EVERY_SECONDS = 900.0
HEALTH_CHECKS = 50
"""About how often the health guards run; NaN is checked at every log record."""


class Interruption(TrainerCallback):  # type: ignore[misc]
    """Ends training at the next step with a checkpoint on request, and saves checkpoints by time.

    Checkpoints are saved with evaluations; where those are far apart, a lost node must not cost more
    than SAVE_EVERY_SECONDS of work.
    """

    def __init__(self, stop: StopRequest) -> None:
        self._stop = stop
        self._saved_at = time.monotonic()
        self.interrupted = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure the time from here."""
        self._saved_at = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure the time from this checkpoint."""
        self._saved_at = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End here with a checkpoint on request."""
        due = time.monotonic() - self._saved_at > SAVE_EVERY_SECONDS
        stop, save = self._stop.in_any_process(save_due=due)
        if save:
            control.should_save = True
        if stop:
            # Also after the last step: saving the model may take longer than the grace period.
            self.interrupted = True
            control.should_save = True
            control.should_log = True
            control.should_evaluate = False
            control.should_training_stop = True

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Abort an evaluation on request."""
        # An evaluation may take longer than the grace period; the step before it can be saved.
        if self._stop.in_any_process()[0]:
            raise Interrupted


class ProgressCallback(TrainerCallback):  # type: ignore[misc]
    """Records the progress and runs the health guards."""

    def __init__(self, recorder: ProgressRecorder, *, stop_on_unhealthy: bool) -> None:
        self._recorder = recorder
        self._stop_on_unhealthy = stop_on_unhealthy
        self.unhealthy = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Training starts or resumes."""
        self._recorder.update(max_steps=state.max_steps, step=state.global_step)
        self._recorder.set_stage("Training")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Record the step."""
        self._recorder.record_step(state.global_step, round(state.epoch or 0.0, 4))
        if control.should_evaluate:
            self._recorder.set_stage("Evaluating")

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The evaluation is over."""
        self._recorder.set_stage("Training")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Record the metrics and check the health."""
        self._recorder.record_metrics(logs or {}, read_gpu_memory())
        every = max(1, state.max_steps // HEALTH_CHECKS)
        margin = (logs or {}).get("rewards/margins", 0.0)
        if (
            state.global_step % every == 0
            or margin != margin
            or state.global_step >= state.max_steps
        ):
            self._check_health(state, control)

    def _check_health(self, state: Any, control: Any) -> None:
        current = health.check_health(state.log_history, state.max_steps)
        previous = self._recorder.latest_health
        self._recorder.record_health(current)
        if current.healthy:
            return
        if current.reason != previous.reason:
            log.warning("%s: %s", current.reason, current.message)
        if self._stop_on_unhealthy:
            self.unhealthy = True
            # Weights that are NaN are not saved; any others are, for the user to examine.
            control.should_save = current.reason != Reason.NAN_LOSS
            control.should_training_stop = True


class CheckpointManifest(TrainerCallback):  # type: ignore[misc]
    """Writes a checkpoint's manifest once all of its files are written, and removes old checkpoints.

    The `limit` newest ones are kept, None for all. The oldest is removed before the next is written,
    since the volume may have no space for it, but never the newest.
    """

    def __init__(self, root: Path, key: str, recorder: ProgressRecorder, limit: int | None) -> None:
        self._root = root
        self._key = key
        self._recorder = recorder
        self._limit = max(checkpoints.MIN_KEPT, limit) if limit and limit > 0 else None

    def make_room(self, state: Any) -> None:
        """Remove what the next checkpoint does not need. Called before it is written."""
        if self._limit is not None:
            checkpoints.rotate(self._root, self._limit - 1, state.best_model_checkpoint)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """When every process has written its part, the first writes the manifest."""
        PartialState().wait_for_everyone()
        if state.is_world_process_zero:
            directory = self._root / f"{checkpoints.PREFIX}{state.global_step}"
            checkpoints.write_manifest(directory, self._key, state.global_step)
            if self._limit is not None:
                checkpoints.rotate(self._root, self._limit, state.best_model_checkpoint)
        self._recorder.update(checkpoint_step=state.global_step)


class Sampling(TrainerCallback):  # type: ignore[misc]
    """Generates samples every `every` steps; never where that is 0."""

    def __init__(self, samples: Samples, tokenizer: Any, every: int) -> None:
        self._samples = samples
        self._tokenizer = tokenizer
        self._every = every

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Generate samples at this step where they are due."""
        step = state.global_step
        if self._every and step % self._every == 0 and step < state.max_steps:
            self._samples.generate(step, model, self._tokenizer)
