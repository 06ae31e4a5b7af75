"""The operator, with a clock that a test can advance: `python -m tests.kit.clock_override`.

It is `python -m dpojob_operator` in all else. The variable DPOJOB_TEST_CLOCK names a file with the
seconds by which the operator's clock of decisions is ahead of the machine's.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dpojob_operator import main as operator

VARIABLE = "DPOJOB_TEST_CLOCK"


class Clock:
    """A clock kept in a file, so that it outlives the operator processes that read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            self._set(0.0)

    def __call__(self) -> datetime:
        """The time now, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    @property
    def ahead(self) -> float:
        """Seconds."""
        return float(self.path.read_text())

    def forward(self, seconds: float) -> None:
        """Advances the clock."""
        self._set(self.ahead + seconds)

    def _set(self, seconds: float) -> None:
        new = self.path.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(self.path)  # a concurrent reader sees the old or the new value, never a part


def main() -> None:
    """The operator's process."""
    operator.main(now=Clock(Path(os.environ[VARIABLE])))


if __name__ == "__main__":
    main()
