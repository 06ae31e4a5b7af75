"""ProgressRecorder: the run's Progress, for the progress server, the command and the outcome."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dpojob_api.plan import Estimate
from dpojob_api.progress import PROGRESS_FIELDS, Health, Progress, Stage
from dpojob_api.shared_training_constants import remaining_seconds

RATE_STEPS = 32
"""Steps over which the step rate is measured."""


@dataclass(frozen=True)
class GPUMemory:
    """GPU memory, GiB: the first two of this process at their peaks, the last of the GPU as it is now."""

    allocated_peak: float
    """Taken by tensors."""
    reserved_peak: float
    """Held by torch for tensors, with what lies unused between them."""
    used: float
    """The memory in use on the GPU as its driver counts it: with CUDA's context, libraries and other processes."""


class ProgressRecorder:
    """Holds Progress; safe to read from another thread."""

    def __init__(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        now = datetime.now(UTC)
        self._lock = threading.Lock()
        self._progress = Progress(started_at=now, updated_at=now)
        self._on_progress = on_progress
        self._metrics: dict[str, float] = {}
        self._evaluation_seconds: float | None = None
        """The seconds of the newest evaluation, with its checkpoint."""
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

    def record_evaluation(self, seconds: float) -> None:
        """Record how long an evaluation took."""
        self._evaluation_seconds = seconds

    def record_step(self, step: int, epoch: float, evaluations: int, estimate: Estimate) -> None:
        """Record an optimizer step, and predict the time that is left from what was measured.

        Args:
            step: Optimizer steps done.
            epoch: The same in epochs.
            evaluations: Evaluations that are left.
            estimate: The plan's; it tells how many steps an evaluation takes until one was measured.
        """
        self._step_times.append((step, time.monotonic()))
        first, begin = self._step_times[0]
        seconds = self._step_times[-1][1] - begin
        if step > first and seconds > 0:
            step_seconds = seconds / (step - first)
            evaluation_seconds = self._evaluation_seconds
            if evaluation_seconds is None and estimate.step_seconds:
                planned = estimate.evaluation_seconds + estimate.checkpoint_seconds
                evaluation_seconds = planned / estimate.step_seconds * step_seconds
            left = remaining_seconds(
                max(0, self._progress.max_steps - step),
                step_seconds,
                evaluations,
                evaluation_seconds or 0.0,
                checkpoints=0,  # Each is measured with its evaluation.
                checkpoint_seconds=0.0,
            )
            self.update(
                step=step,
                epoch=epoch,
                steps_per_second=round(1 / step_seconds, 4),
                eta_seconds=math.ceil(left),
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
