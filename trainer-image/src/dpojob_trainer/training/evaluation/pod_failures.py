"""How often the evaluation of a finished model was started, where one may end the container.

Main memory that runs out ends every process of a container at once, and no code of it can say so. The next
attempt finds the model complete; it must not run out of memory again for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dpojob_trainer.training.setup.errors import Interrupted

FILE = "starts"
MAX_STARTS = 2
"""Containers that one evaluation may end: the first may have been lost with its node."""


class EvaluationStarts:
    """Counts the starts of an evaluation that neither returned nor was stopped by a signal."""

    def __init__(self, directory: Path, retries: int) -> None:
        """Read the count in `directory`. `retries` is how many failed pods are followed by another one."""
        self._path = directory / FILE
        self._limit = max(1, min(MAX_STARTS, retries))
        try:
            self.count = int(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.count = 0

    @property
    def are_used_up(self) -> bool:
        """Whether the evaluation has ended as many containers as it may."""
        return self.count >= self._limit

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a start, except where a signal stops it: the next attempt continues an interrupted evaluation."""
        self._write(self.count + 1)
        try:
            yield
        except Interrupted:
            self._write(self.count)
            raise

    def _write(self, count: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(str(count), encoding="utf-8")
