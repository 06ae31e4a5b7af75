"""The preference pairs as TRL reads them: exactly the rows that inspection accepted."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from accelerate import PartialState
from datasets import Dataset, DatasetInfo

from dpojob_api.conditions import Reason
from dpojob_trainer.inspection import accepted_rows, is_conversational
from dpojob_trainer.training.setup.errors import TrainingError
from dpojob_trainer.training.setup.train_job import TrainJob

from . import message_features

Split = Literal["train", "eval"]
BATCH_ROWS = 500
"""Rows that are in memory and written together."""


def load(job: TrainJob, split: Split, cache: Path) -> Dataset:
    """The accepted rows of `split`, streamed to a file under `cache`, so that memory stays bounded.

    The file is written once: a later attempt finds it, with TRL's own caches beside it.
    """
    path = cache / f"{job.key}-{split}.arrow"
    with PartialState().main_process_first():
        if not path.exists():
            _write(job, split, path)
    return Dataset.from_file(
        str(path), DatasetInfo(features=message_features.features(is_conversational(job.report)))
    )


def _write(job: TrainJob, split: Split, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    columns = message_features.features(is_conversational(job.report))
    rows = accepted_rows(job.spec, job.report, job.volumes, split=split, token=job.token)
    batch = list(islice(rows, BATCH_ROWS))
    if not batch:
        raise TrainingError(Reason.DATASET_INVALID, f"no {split} pair is left to train on")
    with (
        pa.OSFile(str(part), "wb") as file,
        pa.ipc.new_stream(file, columns.arrow_schema) as writer,
    ):
        while batch:
            writer.write_batch(message_features.record_batch(batch, columns))
            batch = list(islice(rows, BATCH_ROWS))
    part.rename(path)


def prompt_text(prompt: Any) -> str:
    """A prompt as text for people: a conversation's last user message."""
    if isinstance(prompt, str):
        return prompt
    return next((m["content"] for m in reversed(prompt) if m["role"] == "user"), "")
