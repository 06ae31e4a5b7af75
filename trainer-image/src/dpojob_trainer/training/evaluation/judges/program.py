"""A program of the user's as the judge: a Python file that maps lines of JSON to scores."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from dpojob_api.quantity import format_duration
from dpojob_trainer.shared.container_environment import ContainerEnvironment

from .judge import Exchange, JudgeError, ScoringJudge

SECONDS = 3600.0
"""The longest time that the program may take."""
VARIABLES = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
"""The only variables of this process that the program gets: no tokens and no keys."""


class ProgramJudge(ScoringJudge):
    """Runs `python FILE`, with one JSON object a line on its standard input."""

    def __init__(self, path: Path, scratch: Path, deadline: float = math.inf) -> None:
        """A judge from the program at `path`, which may write to `scratch`. Raises JudgeError.

        `deadline` is when it is ended, by `time.monotonic`.
        """
        if not path.is_file():
            raise JudgeError(f"evaluation.judge.program: there is no file {path.name} at that path")
        self._path = path
        self._scratch = scratch
        self._deadline = deadline
        self.name = f"program {path.name}"

    def scores(self, exchanges: Sequence[Exchange]) -> list[float | None]:
        """The program's scores. A line that is no number counts as no score."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        lines = "".join(
            json.dumps({"prompt": each.prompt, "answer": each.answer}) + "\n" for each in exchanges
        )
        left = self._deadline - time.monotonic()
        seconds = min(SECONDS, max(1.0, left))
        variables = ContainerEnvironment().selected(VARIABLES)
        try:
            ended = subprocess.run(
                [sys.executable, str(self._path)],
                input=lines,
                capture_output=True,
                text=True,
                encoding="utf-8",
                errors="replace",
                timeout=seconds,
                cwd=self._scratch,
                env={**variables, "HOME": str(self._scratch)},
                check=False,
            )
        except subprocess.TimeoutExpired:
            limit, remedy = format_duration(SECONDS), ""
            if left < SECONDS:
                limit = f"the {format_duration(seconds)} that evaluation.maxDuration left"
                remedy = "raise evaluation.maxDuration, or "
            raise JudgeError(
                f"{self.name} took longer than {limit}: {remedy}score fewer prompts (evaluation.prompts.max)"
            ) from None
        if ended.returncode != 0:
            last = (ended.stderr.strip().splitlines() or ["it wrote no message"])[-1]
            raise JudgeError(f"{self.name} ended with status {ended.returncode}: {last[:300]}")
        written = ended.stdout.splitlines()
        if len(written) != len(exchanges):
            raise JudgeError(
                f"{self.name} wrote {len(written)} lines for {len(exchanges)} answers; it must write one number, "
                "or null, for each"
            )
        return [_number(line) for line in written]


def _number(line: str) -> float | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
