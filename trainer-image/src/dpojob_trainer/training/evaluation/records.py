"""The files of an evaluation: evaluation.jsonl, and the answers that a later attempt continues from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dpojob_trainer.training.export.output_directory import replace_text

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

    @property
    def outcome(self) -> float | None:
        """1 where the tuned answer has the higher score, 0.5 for a tie, else 0; None without both scores."""
        if self.before_score is None or self.after_score is None:
            return None
        if self.before_score == self.after_score:
            return 0.5
        return float(self.after_score > self.before_score)

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
    lines = (json.dumps(record.wire(), ensure_ascii=False) + "\n" for record in records)
    replace_text(path, "".join(lines))


class AnswerFile:
    """The answers of one model so far, from which a later attempt continues."""

    def __init__(self, path: Path, identity: Any) -> None:
        """Read the answers that were written with the same `identity`: prompts, model, settings."""
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
            pass  # There is no file, or its writing was interrupted.
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(f"{self._key}\n", encoding="utf-8")
        return []

    def append(self, answers: Sequence[Answer]) -> None:
        """Add one batch."""
        lines = "".join(json.dumps(asdict(answer)) + "\n" for answer in answers)
        with self._path.open("a", encoding="utf-8") as out:
            out.write(lines)
        self.answers += answers
