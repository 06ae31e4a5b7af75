"""What happens around TRL's steps: progress, health, samples, seals on checkpoints, interruption."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers import TrainerCallback

from dpojob_api.conditions import Reason
from dpojob_trainer.training.setup.errors import Interrupted
from dpojob_trainer.training.setup.signals import Stop

from . import checkpoints, health
from .memory import peak_memory
from .progress import Tracker
from .samples import Samples

log = logging.getLogger(__name__)
SAVE_EVERY_SECONDS = 900.0
JUDGEMENTS = 50
"""The guards look about so often over a run; not-a-numbers at every record."""


class Interruption(TrainerCallback):  # type: ignore[misc]
    """Ends training at the next step with a checkpoint when asked to, and saves one now and then.

    Checkpoints come with evaluations; where those are far apart, a lost node must not cost more than
    SAVE_EVERY_SECONDS of work.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._saved_at = time.monotonic()
        self.interrupted = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The clock starts with the first step."""
        self._saved_at = time.monotonic()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The clock starts anew."""
        self._saved_at = time.monotonic()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End here, with a checkpoint, when asked to."""
        due = time.monotonic() - self._saved_at > SAVE_EVERY_SECONDS
        stop, save = self._stop.anywhere(save_due=due)
        if save:
            control.should_save = True
        if stop:
            # At the last step too: what is left to do may outlast the grace period.
            self.interrupted = True
            control.should_save = True
            control.should_log = True
            control.should_evaluate = False
            control.should_training_stop = True

    def on_prediction_step(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Break off an evaluation when asked to stop."""
        # An evaluation may outlast the grace period; the step before it is over and can be saved.
        if self._stop.anywhere()[0]:
            raise Interrupted


class Watch(TrainerCallback):  # type: ignore[misc]
    """Keeps the tracker current and lets the guards look."""

    def __init__(self, tracker: Tracker, *, stop_on_unhealthy: bool) -> None:
        self._tracker = tracker
        self._stop_on_unhealthy = stop_on_unhealthy
        self.unhealthy = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Training begins, or goes on."""
        self._tracker.update(max_steps=state.max_steps, step=state.global_step)
        self._tracker.stage("Training")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count the step."""
        self._tracker.step(state.global_step, round(state.epoch or 0.0, 4))
        if control.should_evaluate:
            self._tracker.stage("Evaluating")

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The evaluation is over."""
        self._tracker.stage("Training")

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Keep the figures, and let the guards look at them."""
        self._tracker.log(logs or {}, peak_memory())
        every = max(1, state.max_steps // JUDGEMENTS)
        margin = (logs or {}).get("rewards/margins", 0.0)
        if (
            state.global_step % every == 0
            or margin != margin
            or state.global_step >= state.max_steps
        ):
            self._judge(state, control)

    def _judge(self, state: Any, control: Any) -> None:
        verdict = health.judge(state.log_history, state.max_steps)
        known = self._tracker.verdict
        self._tracker.health(verdict)
        if verdict.healthy:
            return
        if verdict.reason != known.reason:
            log.warning("%s: %s", verdict.reason, verdict.message)
        if self._stop_on_unhealthy:
            self.unhealthy = True
            # A model that is no number is not worth a checkpoint; any other is kept to look at.
            control.should_save = verdict.reason != Reason.NAN_LOSS
            control.should_training_stop = True


class Seals(TrainerCallback):  # type: ignore[misc]
    """Declares a checkpoint whole once all of it is written, and removes what is older than needed.

    `limit` newest ones are kept, None for all. One goes before the next is written, since the volume
    may have no room for it, and never the newest.
    """

    def __init__(self, root: Path, key: str, tracker: Tracker, limit: int | None) -> None:
        self._root = root
        self._key = key
        self._tracker = tracker
        self._limit = max(checkpoints.KEPT, limit) if limit and limit > 0 else None

    def make_room(self, state: Any) -> None:
        """Before another one is written."""
        if self._limit is not None:
            checkpoints.rotate(self._root, self._limit - 1, state.best_model_checkpoint)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Every process has written its part; the first seals the whole."""
        PartialState().wait_for_everyone()
        if state.is_world_process_zero:
            directory = self._root / f"{checkpoints.PREFIX}{state.global_step}"
            checkpoints.seal(directory, self._key, state.global_step)
            if self._limit is not None:
                checkpoints.rotate(self._root, self._limit, state.best_model_checkpoint)
        self._tracker.update(checkpoint_step=state.global_step)


class Sampling(TrainerCallback):  # type: ignore[misc]
    """Takes samples every so many steps."""

    def __init__(self, samples: Samples, tokenizer: Any, every: int) -> None:
        self._samples = samples
        self._tokenizer = tokenizer
        self._every = every

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Answers on the way."""
        step = state.global_step
        if self._every and step % self._every == 0 and step < state.max_steps:
            self._samples.take(step, model, self._tokenizer)
