"""Steps of a script, each with its seconds: a line when one ends, and a table at the end, also as a page's section."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


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
        width = max(len(name) for name, _ in self._rows())
        return "\n".join(f"{name:{width}}  {seconds:7.1f} s" for name, seconds in self._rows())

    def markdown(self) -> str:
        """The same as a table of a page."""
        rows = [
            f"| {name.replace('|', chr(92) + '|')} | {seconds:.1f} |"
            for name, seconds in self._rows()
        ]
        return "\n".join(["| step | seconds |", "|---|---|", *rows])

    def _rows(self) -> list[tuple[str, float]]:
        return [*self.seconds, ("in all", sum(seconds for _, seconds in self.seconds))]


def describe_machine() -> str:
    """A sentence about the processors of this machine and how busy they are."""
    return f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} before the run."


def write_section(page: Path, heading: str, text: str) -> None:
    """Replaces the text of a section of a page.

    Args:
        page: The page.
        heading: The section's heading, of the second level.
        text: What is to follow it, to the next such heading or the end.
    """
    section = re.compile(rf"(^## {re.escape(heading)}\n).*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
    written, count = section.subn(lambda match: f"{match[1]}\n{text}\n\n", page.read_text())
    if count != 1:
        raise ValueError(f"{page} has {count} sections {heading!r}")
    page.write_text(written.rstrip("\n") + "\n")
