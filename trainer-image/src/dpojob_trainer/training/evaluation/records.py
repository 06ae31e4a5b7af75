"""The file of an evaluation: evaluation.jsonl, one record for each prompt."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dpojob_trainer.training.export.output_directory import replace_text

from .answers import Answer

FILE = "evaluation.jsonl"


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
