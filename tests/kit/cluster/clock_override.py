"""The operator, with a clock that a test can advance: `python -m tests.kit.cluster.clock_override`.

Otherwise it is the same as `python -m dpojob_operator`. The variable DPOJOB_TEST_CLOCK names a file with two numbers
of seconds: by which all of the operator's time is ahead of the machine's, and by which only the time of day is.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dpojob_operator import main as operator

VARIABLE = "DPOJOB_TEST_CLOCK"


class Clock:
    """A clock kept in a file, so that it outlives the operator processes that read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            self._set(0.0, 0.0)

    def __call__(self) -> datetime:
        """The time of day without steps, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._read()[0])

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return self() + timedelta(seconds=self._read()[1])

    def monotonic(self) -> float:
        """Seconds."""
        return time.monotonic() + self._read()[0]

    def forward(self, seconds: float) -> None:
        """Lets time pass."""
        ahead, stepped = self._read()
        self._set(ahead + seconds, stepped)

    def step(self, seconds: float) -> None:
        """Sets the time of day, without time passing."""
        ahead, stepped = self._read()
        self._set(ahead, stepped + seconds)

    def _read(self) -> tuple[float, float]:
        ahead, stepped = self.path.read_text().split()
        return float(ahead), float(stepped)

    def _set(self, ahead: float, stepped: float) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(f"{ahead} {stepped}")
        new.rename(self.path)  # a concurrent reader sees the old or the new value, never a part


def main() -> None:
    """The operator's process."""
    operator.main(clock=Clock(Path(os.environ[VARIABLE])))


if __name__ == "__main__":
    main()
