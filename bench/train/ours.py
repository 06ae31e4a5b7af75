"""Our trainer on the demo's tiny model, from its own `run`, with the plan given here."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dpojob_api.plan import Plan
from dpojob_api.progress import Progress
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import inspect
from dpojob_trainer.training import TrainJob, run

LENGTH, BATCH = 128, 8


def job(
    root: Path,
    rows: int,
    *,
    precompute: bool = True,
    checkpointing: bool = False,
    epochs: float = 1,
    per_device: int = BATCH,
    arguments: dict[str, Any] | None = None,
) -> TrainJob:
    """A job on `root`/model and `root`/pairs-ROWS.jsonl, with an output directory of its own."""
    spec = DPOJobSpec.model_validate(
        {
            "model": {"volume": {"claimName": "in", "path": "model"}},
            "dataset": {
                "volume": {"claimName": "in", "path": f"pairs-{rows}.jsonl"},
                "eval": {"fraction": 0},
                "columnMapping": {
                    "prompt": "question", "chosen": "good_response", "rejected": "bad_response",
                },
            },
            "training": {
                "learningRate": 1e-4, "batchSize": BATCH, "maxLength": LENGTH, "epochs": epochs,
                "arguments": arguments or {},
            },
            "output": {"volume": {"claimName": "out", "path": ""}},
        }
    )  # fmt: skip
    plan = Plan.model_validate(
        {
            "pool": "cpu", "method": "full", "precision": "fp32", "perDeviceBatchSize": per_device,
            "gradientAccumulation": BATCH // per_device, "gradientCheckpointing": checkpointing,
            "precomputeReference": precompute, "maxLength": LENGTH,
            "memoryGiB": {"needed": 1, "available": 8}, "estimate": {"hours": 0, "cost": "0"},
        }
    )  # fmt: skip
    volumes = {"in": root, "out": Path(tempfile.mkdtemp(dir=root))}
    return TrainJob(
        name="bench", spec=spec, report=inspect(spec, volumes), plan=plan, volumes=volumes,
        scratch=root / "scratch",
    )  # fmt: skip


def train(
    made: TrainJob, on_progress: Callable[[Progress], None] | None = None, port: int = 0
) -> list[dict[str, Any]]:
    """Train it; the log."""
    outcome = run(made, on_progress=on_progress, port=port)
    assert outcome.outcome == "Succeeded", outcome.message
    lines = (made.output / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
