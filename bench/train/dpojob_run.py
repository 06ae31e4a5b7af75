"""Training of the demo's tiny model by dpojob_trainer's `run`, with the plan of dpojob_planner."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dpojob_api.plan import Plan
from dpojob_api.pool import GPU, GPUPoolSpec
from dpojob_api.progress import Progress
from dpojob_api.shared_training_constants import CPU_MODEL, cpu_supports_bf16
from dpojob_api.spec import DPOJobSpec
from dpojob_planner import PoolState, plan
from dpojob_trainer.inspection import inspect
from dpojob_trainer.training import TrainJob, run

LENGTH, BATCH = 128, 8


def job(
    root: Path,
    rows: int,
    *,
    epochs: float = 1,
    arguments: dict[str, Any] | None = None,
    **changes: Any,
) -> TrainJob:
    """A job on `root`/model and `root`/pairs-ROWS.jsonl, with a new output directory.

    The plan is the planner's for a machine without a GPU, with the fields in `changes` replaced.
    """
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
                "method": "full", "arguments": arguments or {},
            },
            "output": {"volume": {"claimName": "out", "path": ""}},
        }
    )  # fmt: skip
    volumes = {"in": root, "out": Path(tempfile.mkdtemp(dir=root))}
    report = inspect(spec, volumes)
    gpu = GPU(model=CPU_MODEL, memory_gib=8, bf16=cpu_supports_bf16())
    here = PoolState("local", GPUPoolSpec(gpu=gpu), free=1, nodes=1, local=True)
    planned = plan(spec, report, [here])
    assert isinstance(planned, Plan), planned
    return TrainJob(
        name="bench", spec=spec, report=report, plan=planned.model_copy(update=changes),
        volumes=volumes, scratch=root / "scratch",
    )  # fmt: skip


def train(
    made: TrainJob, on_progress: Callable[[Progress], None] | None = None, port: int = 0
) -> list[dict[str, Any]]:
    """Train it; the rows of metrics.jsonl."""
    outcome = run(made, on_progress=on_progress, port=port)
    assert outcome.outcome == "Succeeded", outcome.message
    lines = (made.output / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
