"""Steps per second of TRL's trainer, whoever calls it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any


class Clock:
    """Times DPOTrainer.train, and apart from it the reference that is computed ahead of it."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        """Seconds of `train`, by the clock and of CPU time."""
        self.ahead = self.ahead_wall = 0.0
        """Seconds of CPU time and by the clock of the reference log-probabilities before it."""
        self.steps = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[Clock]:
        """Measure what is trained in the block."""
        from trl import DPOTrainer

        train, ahead = DPOTrainer.train, DPOTrainer._precompute_ref_logps
        DPOTrainer.train, DPOTrainer._precompute_ref_logps = self._train(train), self._ahead(ahead)
        try:
            yield self
        finally:
            DPOTrainer.train, DPOTrainer._precompute_ref_logps = train, ahead

    def _train(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def timed(trainer: Any, *arguments: Any, **more: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return inner(trainer, *arguments, **more)
            finally:
                self.wall, self.cpu = time.perf_counter() - wall, time.process_time() - cpu
                self.steps = trainer.state.global_step

        return timed

    def _ahead(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def timed(trainer: Any, *arguments: Any, **more: Any) -> Any:
            wall, cpu = time.perf_counter(), time.process_time()
            try:
                return inner(trainer, *arguments, **more)
            finally:
                self.ahead_wall += time.perf_counter() - wall
                self.ahead += time.process_time() - cpu

        return timed
