"""A file of results, kept so that a later attempt of the same work continues with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class ResumableFile:
    """JSON values, one a line, that a later attempt of the same work continues with."""

    def __init__(self, path: Path, identity: Any) -> None:
        """Read the values that were written with the same `identity`: prompts, models, settings.

        Of an interrupted write the whole lines count.
        """
        text = json.dumps(identity, sort_keys=True, default=str)
        self._key = hashlib.sha256(text.encode()).hexdigest()
        self._path = path
        self.values = self._read()
        self.keep(len(self.values))

    def _read(self) -> list[Any]:
        try:
            first, *lines = self._path.read_bytes().split(b"\n")
        except OSError:
            return []
        if first != self._key.encode():
            return []
        values = []
        for line in lines[:-1]:  # After the last whole line there is nothing, or a part of one.
            try:
                values.append(json.loads(line))
            except ValueError:
                break
        return values

    def keep(self, count: int) -> None:
        """Remove all but the first `count` values."""
        del self.values[count:]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lines = [self._key, *map(json.dumps, self.values)]
        self._path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def append(self, values: Sequence[Any]) -> None:
        """Add values, in one write."""
        with self._path.open("a", encoding="utf-8") as out:
            out.write("".join(f"{json.dumps(value)}\n" for value in values))
        self.values += values
