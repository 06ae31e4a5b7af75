"""FSDP with one process: the code path of sharded training without a second card."""

from __future__ import annotations

import json
import math
from typing import Any

from bench.gpu.cells import Cell, Context, Measure
from bench.gpu.models import device
from bench.gpu.small_job import make_job
from bench.gpu.trainer_process import TrainerProcess

STEPS = 8
SHARDED = {"sharded": True, "precompute_reference": False, "optimizer": "adamw"}
"""What the planner would choose over several GPUs."""


def cells(rehearsal: bool) -> dict[Cell, Measure]:
    """Full fine-tuning, and LoRA, whose sharded weights are saved by other code."""
    return {
        Cell("fsdp", "full", 90.0): lambda context: _train(context, "full"),
        Cell("fsdp", "lora", 90.0): lambda context: _train(context, "lora"),
    }


def _train(context: Context, method: str) -> dict[str, Any]:
    from dataclasses import replace

    from dpojob_trainer.training.launch.rendezvous import free_port

    name = f"fsdp-{method}"
    job = make_job(context, name, method=method, arguments={"max_steps": STEPS})
    job = replace(job, plan=job.plan.model_copy(update=SHARDED))
    root = context.scratch / f"{name}-process"
    root.mkdir()
    # As torchrun sets them for one process.
    variables = {
        "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()),
    }  # fmt: skip
    process = TrainerProcess(job, root, fork=context.rehearsal, variables=variables)
    status = process.wait()
    if status != 0:
        raise RuntimeError(f"status {status}: {process.log()}")
    outcome = process.outcome(rank=0)
    lines = (context.scratch / name / "metrics.jsonl").read_text().splitlines()
    losses = [record["loss"] for record in map(json.loads, lines) if "loss" in record]
    if not losses or not all(map(math.isfinite, losses)):
        raise RuntimeError(f"losses: {losses}")
    return {
        "outcome": outcome["outcome"],
        # accelerate shards on GPUs only: the rehearsal runs the same job without.
        "sharded": device() == "cuda",
        "firstLoss": losses[0],
        "progress": outcome["progress"],
    }
