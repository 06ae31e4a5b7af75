"""ProgressRecorder: the run's Progress, for the progress server, the command and the outcome."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dpojob_api.progress import Health, Progress, Stage

if TYPE_CHECKING:
    from .memory import GPUMemory

PROGRESS_FIELDS = {
    "loss": "loss",
    "eval_loss": "eval_loss",
    "rewards/margins": "margin",
    "eval_rewards/margins": "eval_margin",
    "rewards/accuracies": "accuracy",
    "eval_rewards/accuracies": "eval_accuracy",
    "logps/chosen": "chosen_logps",
    "logps/rejected": "rejected_logps",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
}
"""TRL's metric names to fields of Progress."""
RATE_STEPS = 32
"""Steps over which the step rate is measured."""


class ProgressRecorder:
    """Holds Progress; safe to read from another thread."""

    def __init__(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        now = datetime.now(UTC)
        self._lock = threading.Lock()
        self._progress = Progress(started_at=now, updated_at=now)
        self._on_progress = on_progress
        self._metrics: dict[str, float] = {}
        self._step_times: deque[tuple[int, float]] = deque(maxlen=RATE_STEPS)

    def read(self) -> Progress:
        """A copy of the progress so far."""
        with self._lock:
            return self._progress.model_copy(deep=True)

    @property
    def latest_health(self) -> Health:
        """The latest result of the health guards."""
        with self._lock:
            return self._progress.health

    def metrics(self) -> dict[str, float]:
        """The newest value of every metric TRL logged, by TRL's own name."""
        with self._lock:
            return dict(self._metrics)

    def set_stage(self, stage: Stage) -> None:
        """Set the stage."""
        if stage != "Training":
            self._step_times.clear()  # The step rate is that of training only.
        self.update(stage=stage)

    def record_step(self, step: int, epoch: float) -> None:
        """Record an optimizer step."""
        self._step_times.append((step, time.monotonic()))
        first, begin = self._step_times[0]
        seconds = self._step_times[-1][1] - begin
        if step > first and seconds > 0:
            rate = (step - first) / seconds
            left = max(0, self._progress.max_steps - step)
            self.update(
                step=step,
                epoch=epoch,
                steps_per_second=round(rate, 4),
                eta_seconds=math.ceil(left / rate),
            )
        else:
            self.update(step=step, epoch=epoch)

    def record_metrics(self, logs: Mapping[str, Any], memory: GPUMemory | None) -> None:
        """Record what TRL logged; NaN and infinity become None, as JSON has neither."""
        numbers = {k: float(v) for k, v in logs.items() if isinstance(v, int | float)}
        changes: dict[str, Any] = {
            PROGRESS_FIELDS[k]: v if math.isfinite(v) else None
            for k, v in numbers.items()
            if k in PROGRESS_FIELDS
        }
        if "num_tokens" in numbers:
            changes["tokens"] = int(numbers["num_tokens"])
        if memory is not None:
            changes["peak_memory_gib"] = memory.allocated_peak
            changes["peak_reserved_gib"] = memory.reserved_peak
            changes["peak_used_gib"] = max(memory.used, self.read().peak_used_gib or 0.0)
        with self._lock:
            self._metrics.update(numbers)
        self.update(**changes)

    def record_health(self, health: Health) -> None:
        """Record the result of the health guards."""
        self.update(health=health)

    def update(self, **changes: Any) -> None:
        """Set fields of Progress and call the listener."""
        with self._lock:
            changes["updated_at"] = datetime.now(UTC)
            self._progress = self._progress.model_copy(update=changes)
            progress = self._progress
        if self._on_progress is not None:
            self._on_progress(progress)

    def json(self) -> bytes:
        """The progress as JSON."""
        return json.dumps(self.read().wire()).encode()
