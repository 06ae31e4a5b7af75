"""One training run from end to end. Nothing it meets is raised; the Outcome says it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from dpojob_api.conditions import Reason
from dpojob_api.progress import Artifacts, Outcome, Progress, Sample
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.loop import checkpoints
from dpojob_trainer.training.loop.progress import Tracker
from dpojob_trainer.training.setup import tracker_setup
from dpojob_trainer.training.setup.errors import Failure, Interrupted, explain, is_lost_peer
from dpojob_trainer.training.setup.signals import Stop
from dpojob_trainer.training.setup.train_job import TrainJob

if TYPE_CHECKING:
    from dpojob_trainer.training.loop.trainer import Trained

log = logging.getLogger(__name__)
SPINS = "1000"
"""Turns of a waiting OpenMP thread before it sleeps: some microseconds."""


@dataclass
class Run:
    """What is known of the run so far, for the last word."""

    job: TrainJob
    tracker: Tracker
    place: Path | None = None
    """Where it writes."""
    artifacts: Artifacts | None = None
    """What is in place already, also when a later part fails."""
    samples: list[Sample] = field(default_factory=list)


def run(
    job: TrainJob,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    port: int | None = None,
) -> Outcome:
    """Train `job` and give the last word. Serves progress on `port` when one is given (0: any)."""
    from dpojob_trainer.training.loop.progress_server import serve

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
            failure = explain(error, state.place)
            if failure.reason == Reason.OUT_OF_MEMORY:
                failure = _out_of_memory(state, failure)
            elif failure.reason == Reason.TRAINING_FAILED and is_lost_peer(error):
                return _interrupted(state, "Another process of the set was lost")
            return _outcome(state, "Failed", failure.reason, failure.message)


def _run(state: Run, stop: Stop) -> Outcome:
    job, tracker = state.job, state.tracker
    state.place = job.output
    finished = output_directory.claim(job)
    _set_environment(job)
    if finished is not None:
        log.info("the model is already complete in %s", job.output)
        return _deliver(state, finished)
    tracker_setup.prepare(job)
    step, in_all = checkpoints.glimpse(job.checkpoints, job.key)
    known = step or None
    tracker.update(step=step, max_steps=in_all, checkpoint_step=known, resumed_from=known)
    # All take seconds to import, which an early failure need not wait for.
    from dpojob_trainer.training.export.finalize import finish
    from dpojob_trainer.training.loop.trainer import train
    from dpojob_trainer.training.loop.trl_patches import answers_only

    with answers_only():
        trained: Trained = train(job, tracker, stop)
    state.samples = trained.samples.pairs()
    if trained.interrupted:
        return _interrupted(state)
    if trained.unhealthy:
        verdict = tracker.read().health
        return _outcome(state, "Failed", Reason.UNHEALTHY, f"{verdict.reason}: {verdict.message}")
    outcome = finish(job, tracker, stop, trained)
    return _deliver(state, outcome)


def _deliver(state: Run, outcome: Outcome) -> Outcome:
    """Upload where the spec says; what is in place stays in place whatever comes of it."""
    from dpojob_trainer.training.export.uploads import upload

    if os.environ.get("RANK", "0") != "0":
        return outcome

    state.artifacts, state.samples = outcome.artifacts, outcome.samples
    outcome = upload(state.job, state.tracker, outcome)
    state.tracker.stage("Done")
    return outcome


def _set_environment(job: TrainJob) -> None:
    """What libraries read when they are loaded, unless the installation says otherwise."""
    # Caches go where there is room.
    job.scratch.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("HF_HOME", str(job.scratch / "huggingface"))
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # OpenMP's threads spin while they wait. On a machine shared with others that made a run 20 to 50
    # times slower on the CPU, and on a GPU it is of no use. Not to spin at all costs a quarter of the
    # speed of small models, whose threads wait for each other some thousand times a second.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    # It warns on some processors of a kernel that it would download, whether or not QLoRA was asked for.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def _interrupted(state: Run, what: str = "Stopped by a signal") -> Outcome:
    progress = state.tracker.read()
    at = progress.checkpoint_step
    where = (
        f"at step {progress.step} of {progress.max_steps}"
        if progress.step
        else "before its first step"
    )
    what_next = (
        f"a checkpoint of step {at} is kept, and the next attempt goes on from there"
        if at
        else "there is no checkpoint yet, so the next attempt starts from the beginning"
    )
    return _outcome(state, "Interrupted", Reason.STOPPED, f"{what} {where}; {what_next}.")


def _out_of_memory(state: Run, failure: Failure) -> Failure:
    """With the figures: what was measured, what the plan had predicted, and what to change."""
    from dpojob_trainer.training.loop.memory import describe_peak

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


def _outcome(
    state: Run, outcome: Literal["Failed", "Interrupted"], reason: str, message: str
) -> Outcome:
    return Outcome(
        outcome=outcome,
        reason=reason,
        message=message,
        progress=state.tracker.read(),
        artifacts=state.artifacts,
        samples=state.samples,
    )
