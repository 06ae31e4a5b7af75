"""Held-out rows whose prompts training has not seen, by normalised text."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from dpojob_trainer.inspection import accepted_rows
from dpojob_trainer.training.setup.train_job import TrainJob


def held_out_rows(job: TrainJob, limit: int) -> list[dict[str, Any]]:
    """The first evaluation rows of the job with different prompts, none of which is also trained on.

    Args:
        job: The job, whose dataset is read again as inspection accepted it.
        limit: The largest number of rows.

    Returns:
        Rows as TRL takes them; fewer than `limit` where there are no more.
    """
    if not job.report.eval_rows:
        return []
    return unseen_rows(_rows(job, "eval"), lambda: _rows(job, "train"), limit)


def unseen_rows(
    held_out: Iterable[dict[str, Any]], trained: Any, limit: int
) -> list[dict[str, Any]]:
    """Rows of `held_out` with different prompts that no row of `trained` has.

    Only the prompts of the candidates are kept in memory, not those of the training rows.

    Args:
        held_out: Rows that are held out.
        trained: Makes an iterator over the rows that are trained on.
        limit: The largest number of rows.
    """
    candidates: dict[str, dict[str, Any]] = {}
    for row in held_out:
        candidates.setdefault(normalized(row["prompt"]), row)
        if len(candidates) == 2 * limit:
            break  # Twice as many, as some may also be trained on.
    for row in trained():
        candidates.pop(normalized(row["prompt"]), None)
    return list(candidates.values())[:limit]


def normalized(prompt: Any) -> str:
    """A prompt's text for comparison: case, white space and Unicode's ways to write a sign left out."""
    text = prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _rows(job: TrainJob, split: Any) -> Iterator[dict[str, Any]]:
    return accepted_rows(job.spec, job.report, job.volumes, split=split, token=job.token)
