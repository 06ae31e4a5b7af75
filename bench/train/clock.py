"""Time of TRL's trainer in training steps and in reference log-probabilities."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any


class Clock:
    """Times DPOTrainer.train, and apart from it the reference that is computed ahead of it."""

    def __init__(self) -> None:
        self.wall = self.cpu = 0.0
        """Seconds of `train`, in wall-clock and CPU time."""
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
            with _seconds() as spent:
                result = inner(trainer, *arguments, **more)
            self.wall, self.cpu = spent
            self.steps = trainer.state.global_step
            return result

        return timed

    def _ahead(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **more: Any) -> Any:
            with _seconds() as spent:
                result = inner(*arguments, **more)
            self.ahead_wall += spent[0]
            self.ahead += spent[1]
            return result

        return timed


@contextlib.contextmanager
def _seconds() -> Iterator[list[float]]:
    """Gives the seconds of the block, in wall-clock and CPU time, once it is over."""
    spent: list[float] = []
    wall, cpu = time.perf_counter(), time.process_time()
    yield spent
    spent += [time.perf_counter() - wall, time.process_time() - cpu]
