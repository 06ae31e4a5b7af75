"""The pairs, exactly the rows inspection accepted, as TRL reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from accelerate import PartialState
from datasets import Dataset
from datasets.arrow_writer import ArrowWriter

from dpojob_api.conditions import Reason
from dpojob_trainer.inspection import accepted_rows

from .failure import Failure
from .job import TrainJob

Split = Literal["train", "eval"]


def load(job: TrainJob, split: Split, cache: Path) -> Dataset:
    """The accepted rows of `split`; they stream to disk under `cache`, so memory stays bounded.

    Written once: a later attempt finds them, and beside them what TRL computed from them.
    """
    path = cache / f"{job.key}-{split}.arrow"
    with PartialState().main_process_first():
        if not path.exists():
            _write(job, split, path)
    return Dataset.from_file(str(path))


def _write(job: TrainJob, split: Split, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    count = 0
    with ArrowWriter(path=str(part)) as writer:
        for row in accepted_rows(job.spec, job.report, job.volumes, split=split, token=job.token):
            writer.write(row)
            count += 1
        if count == 0:
            raise Failure(Reason.DATASET_INVALID, f"no {split} pair is left to train on")
        writer.finalize()
    part.rename(path)


def prompt_text(prompt: Any) -> str:
    """A prompt for people: its last user turn, or itself."""
    if isinstance(prompt, str):
        return prompt
    return next((m["content"] for m in reversed(prompt) if m["role"] == "user"), "")
