"""How many pods of a training Job have failed, and how many of them while they evaluated the finished model.

Main memory that runs out ends every process of a container at once, and no code of it can say so. The next
attempt finds the model complete; it must not run out of memory again for ever, nor use up the retries of the
Job, of which training may have used some.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dpojob_trainer.training.setup.errors import Interrupted

log = logging.getLogger(__name__)
WORK_DIRECTORY = ".evaluation"
"""The directory in the output directory that holds counts, answers and replies until the evaluation is complete."""
FILE = "starts"
MAX_STARTS = 2
"""Containers that one evaluation may end: the first may have been lost with its node."""


class FailedPods:
    """Counts the pods of a Job that have failed as its backoffLimit counts them.

    A pod is counted from its start, since one that is killed says nothing. One that is lost with its node stays
    counted though the Job does not count it, so that there may be more retries left than this says, not fewer.
    """

    def __init__(self, directory: Path, attempt: int) -> None:
        """Pods of the attempt with this number, counted in `directory` by each node of the set."""
        self._directory, self._attempt = directory, attempt

    def start(self, node: int) -> None:
        """Count the pod of a node, until `withdraw`. A count that cannot be written is left as it is."""
        self._write(node, self._read(self._path(node)) + 1)

    def withdraw(self, node: int) -> None:
        """Count the pod of a node no longer: it does not end as one that the backoffLimit counts."""
        left = self._read(self._path(node)) - 1
        if left > 0:
            self._write(node, left)
            return
        with suppress(OSError):
            self._path(node).unlink(missing_ok=True)
            self._directory.rmdir()  # Fails, and leaves it, where it holds other files.

    def before(self) -> int:
        """The pods that failed before those that run now, of which each node has one."""
        counts = [self._read(path) for path in self._directory.glob("failed-pods-*")]
        return sum(max(0, count - 1) for count in counts)

    def _path(self, node: int) -> Path:
        return self._directory / f"failed-pods-{node}"

    def _read(self, path: Path) -> int:
        try:
            attempt, count = map(int, path.read_text(encoding="utf-8").split())
        except (OSError, ValueError):
            return 0
        return count if attempt == self._attempt else 0

    def _write(self, node: int, count: int) -> None:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._path(node).write_text(f"{self._attempt} {count}", encoding="utf-8")
        except OSError as error:
            log.warning("failed pods are not counted: %s", error)


class EvaluationStarts:
    """Counts the starts of an evaluation that neither returned nor was stopped by a signal."""

    def __init__(self, directory: Path, retries_left: int) -> None:
        """Read the count in `directory`. `retries_left` is how many pods follow this one if each fails."""
        self._path = directory / FILE
        self._retries_left = retries_left
        try:
            self.count = int(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.count = 0

    @property
    def are_used_up(self) -> bool:
        """Whether the evaluation has ended as many containers as it may, or the next one would be the Job's last."""
        return self.count >= MAX_STARTS or (self.count > 0 and self._retries_left <= 0)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a start, except where a signal stops it: the next attempt continues an interrupted evaluation.

        Raises OSError where the count cannot be written.
        """
        self._write(self.count + 1)
        try:
            yield
        except Interrupted:
            with suppress(OSError):
                self._write(self.count)
            raise

    def _write(self, count: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(str(count), encoding="utf-8")
