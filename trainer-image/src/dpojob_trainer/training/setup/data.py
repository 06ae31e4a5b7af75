"""The pairs, exactly the rows inspection accepted, as TRL reads them."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from accelerate import PartialState
from datasets import Dataset, DatasetInfo

from dpojob_api.conditions import Reason
from dpojob_trainer.inspection import accepted_rows, in_turns

from . import message_features
from .errors import Failure
from .train_job import TrainJob

Split = Literal["train", "eval"]
ROWS_AT_ONCE = 500
"""Written together; so many are in memory."""


def load(job: TrainJob, split: Split, cache: Path) -> Dataset:
    """The accepted rows of `split`; they stream to disk under `cache`, so memory stays bounded.

    Written once: a later attempt finds them, and beside them what TRL computed from them.
    """
    path = cache / f"{job.key}-{split}.arrow"
    with PartialState().main_process_first():
        if not path.exists():
            _write(job, split, path)
    return Dataset.from_file(
        str(path), DatasetInfo(features=message_features.features(in_turns(job.report)))
    )


def _write(job: TrainJob, split: Split, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    columns = message_features.features(in_turns(job.report))
    rows = accepted_rows(job.spec, job.report, job.volumes, split=split, token=job.token)
    some = list(islice(rows, ROWS_AT_ONCE))
    if not some:
        raise Failure(Reason.DATASET_INVALID, f"no {split} pair is left to train on")
    with (
        pa.OSFile(str(part), "wb") as file,
        pa.ipc.new_stream(file, columns.arrow_schema) as writer,
    ):
        while some:
            writer.write_batch(message_features.batch(some, columns))
            some = list(islice(rows, ROWS_AT_ONCE))
    part.rename(path)


def prompt_text(prompt: Any) -> str:
    """A prompt for people: its last user turn, or itself."""
    if isinstance(prompt, str):
        return prompt
    return next((m["content"] for m in reversed(prompt) if m["role"] == "user"), "")
