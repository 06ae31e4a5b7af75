"""A LoRA job by the training container's own command: stopped by SIGTERM, resumed, evaluated, merged."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from bench.gpu.cells import Cell, Context, Measure
from bench.gpu.small_job import make_job
from bench.gpu.trainer_process import TrainerProcess

NAME = "lora-job"
STOP_AFTER_STEP = 5


def cells(rehearsal: bool) -> dict[Cell, Measure]:
    """The attempt that is stopped, then the one that resumes."""
    return {
        Cell("job", "stopped", 100.0): _stopped,
        Cell("job", "resumed", 100.0): _resumed,
    }


def _job(context: Context) -> Any:
    """The same job for both attempts: its output directory has the checkpoint of the first."""
    return make_job(context, NAME, method="lora")


def _stopped(context: Context) -> dict[str, Any]:
    from dpojob_api.constants import ExitCode

    job = _job(context)
    begun = time.monotonic()
    process = TrainerProcess(job, _root(context, "first"), fork=context.rehearsal)
    progress = process.wait_for_step(STOP_AFTER_STEP)
    to_step = time.monotonic() - begun
    process.terminate()
    signalled = time.monotonic()
    status, outcome = process.wait(), process.outcome()
    if status != ExitCode.INTERRUPTED or outcome["outcome"] != "Interrupted":
        raise RuntimeError(
            f"after SIGTERM: status {status}, {outcome['outcome']}: {outcome['message']}"
        )
    saved = outcome["progress"].get("checkpointStep")
    if not saved:
        raise RuntimeError(f"no checkpoint was saved: {outcome['message']}")
    return {
        "plan": {"method": job.plan.method, "precision": job.plan.precision},
        "secondsToStep": to_step,
        "stepAtSignal": progress["step"],
        "secondsToStop": time.monotonic() - signalled,
        "checkpointStep": saved,
        "progress": outcome["progress"],
    }


def _resumed(context: Context) -> dict[str, Any]:
    directory = context.scratch / NAME
    job = _job(context)
    begun = time.monotonic()
    process = TrainerProcess(job, _root(context, "second"), fork=context.rehearsal)
    status, outcome = process.wait(), process.outcome()
    if status != 0 or outcome["outcome"] != "Succeeded":
        raise RuntimeError(f"status {status}, {outcome['reason']}: {outcome['message']}")
    progress = outcome["progress"]
    if not progress.get("resumedFrom"):
        raise RuntimeError("the second attempt began from the start")
    if (directory / "adapter_config.json").exists():
        raise RuntimeError("the adapter was not merged")
    records = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
    return {
        "seconds": time.monotonic() - begun,
        "resumedFrom": progress["resumedFrom"],
        "steps": progress["step"],
        "evaluations": sum("eval_loss" in record for record in records),
        "samples": len(outcome.get("samples") or []),
        "files": sorted(path.name for path in directory.iterdir()),
        "progress": progress,
    }


def _root(context: Context, attempt: str) -> Path:
    root = context.scratch / f"{NAME}-{attempt}"
    root.mkdir()
    return root
