"""Steps of a script, each with its seconds: a line when one ends, and a table at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class StepTable:
    """The steps that have ended, in order."""

    seconds: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Times what is done in its block.

        Args:
            name: What the step does.

        Yields:
            Nothing.
        """
        print(f"... {name}", flush=True)
        began = time.monotonic()
        yield
        self.seconds.append((name, time.monotonic() - began))

    def __str__(self) -> str:
        """The table: a step and its seconds in each line, and their sum."""
        rows = [*self.seconds, ("in all", sum(seconds for _, seconds in self.seconds))]
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:{width}}  {seconds:7.1f} s" for name, seconds in rows)
