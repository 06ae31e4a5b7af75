"""evaluation.jsonl: each prompt with both answers and their scores; and answers kept for a later attempt."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .answers import Answer

FILE = "evaluation.jsonl"
WORK_DIRECTORY = ".evaluation"
"""In the output directory: the answers so far, until the evaluation is complete."""


@dataclass(frozen=True)
class Record:
    """One prompt with both answers."""

    prompt: Any
    before: Answer
    after: Answer
    before_score: float | None = None
    after_score: float | None = None

    @property
    def difference(self) -> float | None:
        """How much higher the tuned answer's score is; None where one is missing."""
        if self.before_score is None or self.after_score is None:
            return None
        return self.after_score - self.before_score

    def wire(self) -> dict[str, Any]:
        """The record as a line of evaluation.jsonl."""
        return {
            "prompt": self.prompt,
            "before": asdict(self.before),
            "after": asdict(self.after),
            "beforeScore": self.before_score,
            "afterScore": self.after_score,
        }


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write evaluation.jsonl atomically."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record.wire(), ensure_ascii=False) + "\n")
    part.replace(path)


class AnswerFile:
    """The answers of one model so far; a later attempt goes on after them."""

    def __init__(self, path: Path, identity: Any) -> None:
        """Read what is there, if it was written with the same `identity`: prompts, model, settings."""
        text = json.dumps(identity, sort_keys=True, default=str)
        self._key = hashlib.sha256(text.encode()).hexdigest()
        self._path = path
        self.answers = self._read()

    def _read(self) -> list[Answer]:
        try:
            first, *lines = self._path.read_text(encoding="utf-8").splitlines()
            if first == self._key:
                return [Answer(**json.loads(line)) for line in lines]
        except (OSError, ValueError, TypeError):
            pass  # There is none, or it was cut while it was written.
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(f"{self._key}\n", encoding="utf-8")
        return []

    def append(self, answers: Sequence[Answer]) -> None:
        """Add one batch."""
        lines = "".join(json.dumps(asdict(answer)) + "\n" for answer in answers)
        with self._path.open("a", encoding="utf-8") as out:
            out.write(lines)
        self.answers += answers
