"""Trainer callbacks: progress and health, samples, checkpoint manifests, interruption."""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers import TrainerCallback

from dpojob_api.conditions import Reason
from dpojob_api.plan import Estimate
from dpojob_api.shared_training_constants import save_interval_seconds
from dpojob_trainer.training.digested_files import FileDigests
from dpojob_trainer.training.setup.errors import Interrupted
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.signals import StopRequest

from . import checkpoints, health
from .memory import read_gpu_memory
from .samples import Samples

log = logging.getLogger(__name__)
HEALTH_CHECKS = 50
"""About how often the health guards run; NaN is checked at every log record."""


class Interruption(TrainerCallback):  # type: ignore[misc]
    """Ends training at the next step with a checkpoint on request, and saves checkpoints by time.

    Checkpoints are saved with evaluations; where those are far apart, a lost node must not cost more than an
    interval of work: the plan's, and that of the measured time once one was saved.
    """

    def __init__(
        self, stop: StopRequest, interval_seconds: float, recorder: ProgressRecorder
    ) -> None:
        self._stop = stop
        self._interval_seconds = interval_seconds
        self._recorder = recorder
        self._saved_at = time.monotonic()
        self.interrupted = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure the time from here."""
        self._saved_at = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure the time from this checkpoint."""
        self._saved_at = time.monotonic()
        measured = self._recorder.read().checkpoint_seconds
        if measured is not None:
            self._interval_seconds = save_interval_seconds(measured)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End here with a checkpoint on request."""
        due = time.monotonic() - self._saved_at > self._interval_seconds
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


def evaluations_left(args: Any, state: Any) -> int:
    """Count the evaluations after the current step, its own included.

    Args:
        args: transformers' TrainingArguments.
        state: transformers' TrainerState.

    Returns:
        Evaluations by `eval_strategy` and `eval_steps`.
    """
    if args.eval_strategy == "epoch":
        epochs: float = args.num_train_epochs
        return max(0, math.ceil(epochs) - int(state.epoch or 0.0))
    if args.eval_strategy != "steps":
        return 0
    # A share of the run is resolved in the state, and left in the arguments.
    done, every = state.global_step - 1, state.eval_steps
    left: int = state.max_steps // every - done // every
    return left


class ProgressCallback(TrainerCallback):  # type: ignore[misc]
    """Records the progress and runs the health guards."""

    def __init__(
        self, recorder: ProgressRecorder, estimate: Estimate, *, stop_on_unhealthy: bool
    ) -> None:
        self._recorder = recorder
        self._estimate = estimate
        self._evaluation_began: float | None = None
        self._stop_on_unhealthy = stop_on_unhealthy
        self.unhealthy = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Training starts or resumes."""
        self._recorder.update(max_steps=state.max_steps, step=state.global_step)
        self._recorder.set_stage("Training")

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Record how long the evaluation before this step took, its checkpoint included."""
        if self._evaluation_began is not None:
            self._recorder.record_evaluation(time.monotonic() - self._evaluation_began)
            self._evaluation_began = None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Record the step and the time that is left."""
        epoch = round(state.epoch or 0.0, 4)
        left = evaluations_left(args, state)
        self._recorder.record_step(state.global_step, epoch, left, self._estimate)
        if control.should_evaluate:
            self._evaluation_began = time.monotonic()
            self._recorder.set_stage("Evaluating")

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The evaluation is over, and its figures may show that training is to stop."""
        self._recorder.set_stage("Training")
        self._check_health(state, control)

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
        if current.reason == Reason.REWARD_HACKING:
            control.should_training_stop = True
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
        self._began = 0.0
        self.digests = FileDigests()
        """The digests of the checkpoint's files, set by those who write them."""

    def begin(self, state: Any) -> None:
        """Called before a checkpoint is written: the first process removes what is not needed beside it."""
        self._began = time.monotonic()
        if state.is_world_process_zero and self._limit is not None:
            checkpoints.rotate(self._root, self._limit - 1, state.best_model_checkpoint)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """When every process has written its part, the first writes the manifest."""
        PartialState().wait_for_everyone()
        if state.is_world_process_zero:
            directory = self._root / f"{checkpoints.PREFIX}{state.global_step}"
            checkpoints.write_manifest(directory, self._key, state.global_step, self.digests)
            self.digests.forget(directory)
            if self._limit is not None:
                checkpoints.rotate(self._root, self._limit, state.best_model_checkpoint)
        seconds = round(time.monotonic() - self._began, 2)
        longest = max(seconds, self._recorder.read().checkpoint_seconds or 0.0)
        self._recorder.update(checkpoint_step=state.global_step, checkpoint_seconds=longest)


class Sampling(TrainerCallback):  # type: ignore[misc]
    """Generates samples before the first step, and every `every` steps; only the former where that is 0."""

    def __init__(self, samples: Samples, tokenizer: Any, every: int) -> None:
        self._samples = samples
        self._tokenizer = tokenizer
        self._every = every

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **_: Any
    ) -> None:
        """Generate the samples of step 0, unless the run resumes; the model is on its device by now."""
        if state.global_step == 0:
            self._samples.generate(0, model, self._tokenizer)

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Generate samples at this step where they are due."""
        step = state.global_step
        if self._every and step % self._every == 0 and step < state.max_steps:
            self._samples.generate(step, model, self._tokenizer)
