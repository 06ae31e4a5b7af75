"""One training run from end to end. Nothing it meets is raised; the Outcome says it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dpojob_api.conditions import Reason
from dpojob_api.progress import Artifacts, Outcome, Progress, Sample

from . import output
from .failure import Failure, Interrupted, explain
from .job import TrainJob
from .stop import Stop
from .tracker import Tracker

if TYPE_CHECKING:
    from .loop import Trained

log = logging.getLogger(__name__)


@dataclass
class Run:
    """What is known of the run so far, for the last word."""

    job: TrainJob
    tracker: Tracker
    samples: list[Sample] = field(default_factory=list)


def run(
    job: TrainJob,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    port: int | None = None,
) -> Outcome:
    """Train `job` and give the last word. Serves progress on `port` when one is given (0: any)."""
    from .server import serve

    tracker = Tracker(on_progress)
    state = Run(job, tracker)
    stop = Stop()
    with stop.listening():
        try:
            if port is None:
                return _run(state, stop)
            with serve(tracker, port):
                return _run(state, stop)
        except Interrupted:
            return _interrupted(state)
        except Exception as error:
            log.exception("training failed")
            failure = explain(error)
            if failure.reason == Reason.OUT_OF_MEMORY:
                failure = _out_of_memory(state, failure)
            return _outcome(state, "Failed", failure.reason, failure.message)


def _run(state: Run, stop: Stop) -> Outcome:
    job, tracker = state.job, state.tracker
    lineage = output.claim(job.output, job.key)
    if lineage is not None:
        log.info("the model is already complete in %s", job.output)
        return Outcome.model_validate(lineage["outcome"])
    _set_environment(job)
    from .finish import (
        finish,  # Both take seconds to import, which an early failure need not wait for.
    )
    from .loop import train

    trained: Trained = train(job, tracker, stop)
    state.samples = trained.samples.pairs()
    if trained.interrupted:
        return _interrupted(state)
    if trained.unhealthy:
        verdict = tracker.read().health
        return _outcome(state, "Failed", Reason.UNHEALTHY, f"{verdict.reason}: {verdict.message}")
    return finish(job, tracker, stop, trained)


def _set_environment(job: TrainJob) -> None:
    """What libraries read when they are loaded, unless the installation says otherwise."""
    # Caches go where there is room.
    job.scratch.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("HF_HOME", str(job.scratch / "huggingface"))
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # OpenMP's threads spin while they wait. On a machine shared with others that made a run 20 to 50
    # times slower on the CPU, and on a GPU it is of no use.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def _interrupted(state: Run) -> Outcome:
    progress = state.tracker.read()
    at = progress.checkpoint_step
    kept = f"a checkpoint of step {at} is kept" if at else "no checkpoint was due yet"
    return _outcome(
        state,
        "Interrupted",
        Reason.STOPPED,
        f"Stopped by a signal at step {progress.step} of {progress.max_steps}; {kept}, and the next "
        "attempt goes on from there.",
    )


def _out_of_memory(state: Run, failure: Failure) -> Failure:
    """With the figures: what was measured, what the plan had predicted, and what to change."""
    from .memory import describe_peak

    job = state.job
    training = job.spec.training
    ways = []
    if job.plan.per_device_batch_size > 1:
        ways.append("a larger pool or more GPUs (the batch per GPU halves)")
    ways.append(f"training.maxLength below {job.plan.max_length}")
    if job.plan.method == "full":
        ways.append("training.method: lora")
    elif job.plan.method == "lora":
        ways.append("training.method: qlora")
    else:
        ways.append(f"training.lora.r below {training.lora.r}")
    need = job.plan.memory_gib
    return Failure(
        Reason.OUT_OF_MEMORY,
        f"{describe_peak()}; the plan predicted {need.needed:.1f} GiB of {need.available:.1f} GiB per "
        f"GPU. Ways out: {'; '.join(ways)}. ({failure.message[:300]})",
    )


def _outcome(state: Run, outcome: Any, reason: str, message: str) -> Outcome:
    job = state.job
    volume = job.spec.output.volume
    artifacts = None
    if volume is not None and outcome == "Failed" and reason == Reason.PUSH_FAILED:
        artifacts = Artifacts(claim_name=volume.claim_name, path=volume.path)
    return Outcome(
        outcome=outcome,
        reason=reason,
        message=message,
        progress=state.tracker.read(),
        artifacts=artifacts,
        samples=state.samples,
    )
