"""A job on the tiny model, inspected and ready to be trained, and what its training recorded."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dpojob_api import constants
from dpojob_api.plan import Plan
from dpojob_api.progress import Outcome
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import inspect
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.setup.train_job import TrainJob

SHARED_PREFIXES = os.environ.get("DPOJOB_TEST_PREFIX_SHARING") == "1"
"""Whether every training of these tests shares prefixes, unless its plan says otherwise."""
EVEN = {"volume": {"claimName": "even", "path": "pairs"}, "eval": {"split": "test"}}
"""spec.dataset for it."""
MakeJob = Callable[..., TrainJob]


def build_job(
    inputs: Path,
    root: Path,
    *,
    spec: dict[str, Any] | None = None,
    plan: dict[str, Any] | None = None,
    output: str = "out",
    uid: str = "",
    **more: Any,
) -> TrainJob:
    """A job on the tiny model. `spec` is merged into a small default, `plan` into a small plan."""
    wanted: dict[str, Any] = {
        "model": {"volume": {"claimName": "inputs", "path": "model"}},
        "dataset": {
            "volume": {"claimName": "inputs", "path": "pairs.jsonl"},
            "columnMapping": {
                "prompt": "question",
                "chosen": "good_response",
                "rejected": "bad_response",
            },
            "eval": {"fraction": 0.2},
        },
        "training": {"learningRate": 5e-4, "batchSize": 4, "maxLength": 128},
        "samples": {"prompts": ["Where is the kite?"]},
        "output": {"volume": {"claimName": "outputs", "path": output}},
    }
    for field, value in (spec or {}).items():
        both = isinstance(value, dict) and field in ("training", "dataset", "output")
        wanted[field] = {**wanted[field], **value} if both else value
    planned = {
        "pool": "test",
        "method": wanted["training"].get("method", "full"),
        "precision": "fp32",
        "perDeviceBatchSize": 2,
        "gradientAccumulation": wanted["training"]["batchSize"] // 2,
        "gradientCheckpointing": False,
        "prefixSharing": SHARED_PREFIXES,
        "maxLength": wanted["training"]["maxLength"],
        "memoryGiB": {"needed": 1.0, "available": 15.0},
        "estimate": {"hours": 0.1, "cost": "0.10"},
        **(plan or {}),
    }
    volumes = {"inputs": inputs, "outputs": root / "outputs", **more.pop("volumes", {})}
    read = DPOJobSpec.model_validate(wanted)
    report = inspect(read, volumes)
    assert report.valid, report.problems
    return TrainJob(
        name="test",
        uid=uid,
        spec=read,
        report=report,
        plan=Plan.model_validate(planned),
        volumes=volumes,
        scratch=root / "scratch",
        **more,
    )


def finish(job: TrainJob, outcome: Outcome) -> TrainJob:
    """Writes a complete model with that outcome into the job's output directory; returns the job."""
    job.output.mkdir(parents=True)
    (job.output / "config.json").write_text("{}")
    output_directory.write_lineage(job.output, job, outcome)
    return job


def metrics(job: TrainJob) -> list[dict[str, Any]]:
    """The finished job's metrics.jsonl."""
    text = (job.output / constants.FILE_METRICS).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def losses(records: list[dict[str, Any]]) -> dict[int, float]:
    """Training loss by step."""
    return {r["step"]: r["loss"] for r in records if "loss" in r}
