"""Tracker: the run's Progress, kept in one place and read by the server, the command and the end."""

from __future__ import annotations

import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dpojob_api.progress import Health, Progress, Stage

FIGURES = {
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
"""TRL's names to Progress's."""
RATE_WINDOW = 32
"""Steps over which the rate is measured."""


class Tracker:
    """Holds Progress; safe to read from another thread."""

    def __init__(self, on_progress: Callable[[Progress], None] | None = None) -> None:
        now = datetime.now(UTC)
        self._lock = threading.Lock()
        self._progress = Progress(started_at=now, updated_at=now)
        self._on_progress = on_progress
        self._figures: dict[str, float] = {}
        self._marks: deque[tuple[int, float]] = deque(maxlen=RATE_WINDOW)

    def read(self) -> Progress:
        """A copy of the progress so far."""
        with self._lock:
            return self._progress.model_copy(deep=True)

    @property
    def verdict(self) -> Health:
        """The guards' newest verdict."""
        with self._lock:
            return self._progress.health

    def figures(self) -> dict[str, float]:
        """The newest value of every metric TRL logged, by TRL's own name."""
        with self._lock:
            return dict(self._figures)

    def stage(self, stage: Stage) -> None:
        """Enter a stage."""
        if stage != "Training":
            self._marks.clear()  # Time spent elsewhere is no part of the step rate.
        self.update(stage=stage)

    def step(self, step: int, epoch: float) -> None:
        """An optimizer step was done."""
        self._marks.append((step, time.monotonic()))
        first, begin = self._marks[0]
        seconds = self._marks[-1][1] - begin
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

    def log(self, logs: Mapping[str, Any], peak_memory_gib: float | None) -> None:
        """TRL logged these; not-a-numbers become None, as JSON has none."""
        numbers = {k: float(v) for k, v in logs.items() if isinstance(v, int | float)}
        changes: dict[str, Any] = {
            FIGURES[k]: v if math.isfinite(v) else None for k, v in numbers.items() if k in FIGURES
        }
        if "num_tokens" in numbers:
            changes["tokens"] = int(numbers["num_tokens"])
        with self._lock:
            self._figures.update(numbers)
        self.update(peak_memory_gib=peak_memory_gib, **changes)

    def health(self, health: Health) -> None:
        """The guards have judged."""
        self.update(health=health)

    def update(self, **changes: Any) -> None:
        """Set fields of Progress and tell the listener."""
        with self._lock:
            changes["updated_at"] = datetime.now(UTC)
            self._progress = self._progress.model_copy(update=changes)
            progress = self._progress
        if self._on_progress is not None:
            self._on_progress(progress)

    def json(self) -> bytes:
        """What GET /progress serves."""
        return json.dumps(self.read().wire()).encode()
