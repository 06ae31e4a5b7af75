"""What a fuzz target is, and where its files are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

REGRESSIONS = Path(__file__).with_name("regressions")
"""Inputs that once broke a rule: a folder for each target."""


@dataclass(frozen=True)
class Target:
    """Something that reads untrusted bytes."""

    name: str
    check: Callable[[bytes], None]
    """Raises where the reader breaks its promise: another error than the documented one, or a wrong result."""
    seeds: tuple[bytes, ...]
    """Valid and nearly valid inputs, from which others are made."""
    tokens: tuple[str, ...] = ()
    """Parts of the format that random changes would hardly find."""
    max_bytes: int = 4096
    """The longest input."""

    def regressions(self) -> Iterator[Path]:
        """The files of inputs that once broke a rule."""
        folder = REGRESSIONS / self.name
        yield from sorted(folder.iterdir()) if folder.is_dir() else ()
