"""One training run from start to upload. Every error becomes an Outcome."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dpojob_api.conditions import Reason
from dpojob_api.evaluation import Evaluation, JudgeUsage
from dpojob_api.progress import Artifacts, Outcome, Progress, Sample
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.export.uploads import check_before_training
from dpojob_trainer.training.loop import checkpoints
from dpojob_trainer.training.setup.errors import (
    KILLED,
    LOST_PEER,
    STOPPED_BY_SIGNAL,
    Interrupted,
    TrainingError,
    explain,
    is_lost_peer,
)
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.signals import StopRequest
from dpojob_trainer.training.setup.tracker_setup import configure_trackers
from dpojob_trainer.training.setup.train_job import TrainJob

from .library_imports import quick_imports
from .outcome_message import write_outcome_if_killed

log = logging.getLogger(__name__)
OPENMP_SPIN_COUNT = "1000"
"""Iterations for which a waiting OpenMP thread spins before it sleeps: some microseconds."""


@dataclass
class RunState:
    """The state of the run so far, from which its outcome is made at any time."""

    job: TrainJob
    recorder: ProgressRecorder
    directory: Path | None = None
    """The output directory, once the run writes to it."""
    artifacts: Artifacts | None = None
    """The finished model, also where a later upload fails."""
    samples: list[Sample] = field(default_factory=list)
    evaluation: Evaluation | None = None
    judge_usage: JudgeUsage | None = None
    """What a judge behind an API was asked so far, also where the evaluation does not come to its end."""
    complete: bool = False
    """Whether the model is in its place, so that only its evaluation and its uploads are left."""


def run(
    job: TrainJob,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    port: int | None = None,
    notice: str | None = None,
    stop: StopRequest | None = None,
) -> Outcome:
    """Train `job` and return its outcome; raises no error.

    Progress is served on `port` when one is given (0: any free one). `notice` says what the job's plan has
    otherwise than the one that was made for it. `stop` may handle signals already; by default they are
    handled until the outcome is there.
    """
    from .progress_server import serve_progress

    recorder = ProgressRecorder(on_progress)
    if notice is not None:
        recorder.update(notice=notice)
    state = RunState(job, recorder)
    stop = stop or StopRequest()
    with stop.listening():
        try:
            with nullcontext() if port is None else serve_progress(recorder, port), stop.raising():
                return _train_and_upload(state, stop)
        except Interrupted:
            return _interrupted(state)
        except Exception as error:
            log.exception("training failed")
            failure = explain(error, state.directory)
            if failure.reason == Reason.OUT_OF_MEMORY:
                failure = _out_of_memory_error(state, failure)
            elif failure.reason == Reason.TRAINING_FAILED and is_lost_peer(error):
                return _interrupted(state, LOST_PEER)
            return _outcome(state, "Failed", failure.reason, failure.message)


def _train_and_upload(state: RunState, stop: StopRequest) -> Outcome:
    job, recorder = state.job, state.recorder
    state.directory = job.output
    finished = output_directory.prepare(job)
    _set_library_variables(job)
    if finished is not None:
        log.info("the model is already complete in %s", job.output)
        return _upload(state, _evaluate(state, finished))
    _require_planned_gpus(job)
    check_before_training(job)
    configure_trackers(job)
    step, max_steps = checkpoints.expected_resume(job.checkpoints, job.key)
    checkpoint_step = step or None
    recorder.update(
        step=step,
        max_steps=max_steps,
        checkpoint_step=checkpoint_step,
        resumed_from=checkpoint_step,
    )
    # These take seconds to import, which an early error need not wait for.
    with quick_imports():
        from dpojob_trainer.training.dpo_trainer.trl_patches import (
            completion_logits_only,
            logits_in_small_tiles,
        )
        from dpojob_trainer.training.export.finalize import finalize
        from dpojob_trainer.training.loop.attention import (
            gpu_capability,
            keys_repeated_before_flash,
        )

        from .smaller_batch import train_with_smaller_batch_if_needed

    with (
        completion_logits_only(),
        logits_in_small_tiles(),
        keys_repeated_before_flash(gpu_capability()),
    ):
        result = train_with_smaller_batch_if_needed(job, recorder, stop)
    state.samples = result.samples
    if result.interrupted:
        return _interrupted(state)
    if result.unhealthy:
        health = recorder.read().health
        return _outcome(state, "Failed", Reason.UNHEALTHY, f"{health.reason}: {health.message}")
    outcome = finalize(job, recorder, stop, result)
    del result  # It holds the optimizer's state, whose memory the evaluation needs.
    return _upload(state, _evaluate(state, outcome))


def _require_planned_gpus(job: TrainJob) -> None:
    """Raise TrainingError where the plan counts on GPUs that this container cannot use."""
    # Importing torch takes seconds, which an earlier error need not wait for.
    with quick_imports():
        from .device_check import check_devices, counts_on_gpu
        from .device_facts import read_device_facts

    if not counts_on_gpu(job.plan):
        return

    error = check_devices(job.plan, read_device_facts())
    if error is not None:
        raise error


def _evaluate(state: RunState, outcome: Outcome) -> Outcome:
    """Compare the finished model with the one that training began with; in the first process only.

    A container that is killed meanwhile, or later in the uploads, leaves the outcome of a complete model, with what
    the judge was asked.
    """
    from dpojob_trainer.training.evaluation.evaluator import evaluate_run
    from dpojob_trainer.training.loop.memory import release_memory

    environment = ContainerEnvironment()
    if not environment.is_first_process:
        return outcome

    state.artifacts, state.samples = outcome.artifacts, outcome.samples
    state.complete = True
    release_memory()
    write_outcome_if_killed(_interrupted(state, KILLED), environment)

    def keep_usage(usage: JudgeUsage) -> None:
        state.judge_usage = usage
        write_outcome_if_killed(_interrupted(state, KILLED), environment)

    outcome = evaluate_run(state.job, state.recorder, outcome, keep_usage)
    state.evaluation = outcome.evaluation
    write_outcome_if_killed(_interrupted(state, KILLED), environment)
    return outcome


def _upload(state: RunState, outcome: Outcome) -> Outcome:
    """Upload the finished model to where the spec says; the model stays where an upload fails."""
    from dpojob_trainer.training.evaluation.evaluator import may_be_uploaded
    from dpojob_trainer.training.export.uploads import upload

    output = state.job.spec.output
    if not ContainerEnvironment().is_first_process:
        return outcome

    state.artifacts, state.samples = outcome.artifacts, outcome.samples
    if (output.push or output.s3) and not may_be_uploaded(state.job, outcome.evaluation):
        state.recorder.set_stage("Done")
        message = f"{outcome.message} Nothing was uploaded, since evaluation.require is not met."
        return outcome.model_copy(update={"message": message})
    for uploaded in upload(state.job, state.recorder, outcome):
        # Where the next upload fails, this one is complete.
        outcome, state.artifacts = uploaded, uploaded.artifacts
    state.recorder.set_stage("Done")
    return outcome


def _set_library_variables(job: TrainJob) -> None:
    """Set variables that libraries read when they are imported, where the installation sets none."""
    # The default cache directory may be on a small or read-only file system.
    job.scratch.mkdir(parents=True, exist_ok=True)
    ContainerEnvironment().set_defaults(
        {
            "HF_HOME": str(job.scratch / "huggingface"),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            # Otherwise datasets sends the name of each dataset to a server of Amazon's, whatever the hub is.
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",
            "TOKENIZERS_PARALLELISM": "false",
            # Batches differ in length, so blocks of fixed size would leave gaps that no later batch fits in.
            "PYTORCH_ALLOC_CONF": "expandable_segments:True",
            # OpenMP threads spin while they wait. On a shared machine that made a run on the CPU 20 to 50
            # times slower, and on a GPU it has no benefit. Without any spinning small models, whose threads
            # wait for each other some thousand times a second, lose a quarter of their speed.
            "OMP_WAIT_POLICY": "PASSIVE",
            "GOMP_SPINCOUNT": OPENMP_SPIN_COUNT,
        }
    )
    # On some processors it warns about a kernel that it would download, also without QLoRA.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def _interrupted(state: RunState, event: str = STOPPED_BY_SIGNAL) -> Outcome:
    if state.complete:
        return _outcome(
            state,
            "Interrupted",
            Reason.STOPPED,
            f"{event} after training; the model is complete, and the next attempt goes on with "
            f"{'its evaluation and its uploads' if state.evaluation is None else 'its uploads'}.",
        )
    progress = state.recorder.read()
    saved_step = progress.checkpoint_step
    position = (
        f"at step {progress.step} of {progress.max_steps}"
        if progress.step
        else "before its first step"
    )
    next_attempt = (
        f"a checkpoint of step {saved_step} is kept, and the next attempt goes on from there"
        if saved_step
        else "there is no checkpoint yet, so the next attempt starts from the beginning"
    )
    return _outcome(state, "Interrupted", Reason.STOPPED, f"{event} {position}; {next_attempt}.")


def _out_of_memory_error(state: RunState, failure: TrainingError) -> TrainingError:
    """The error with the measured and the predicted memory, and what to change."""
    from dpojob_trainer.training.loop.memory import describe_peak

    job = state.job
    training = job.spec.training
    remedies = []
    if job.plan.per_device_batch_size > 1:
        remedies.append("a larger pool or more GPUs (the batch per GPU halves)")
    remedies.append(f"training.maxLength below {job.plan.max_length}")
    if job.plan.method == "full":
        remedies.append("training.method: lora")
    elif job.plan.method == "lora":
        remedies.append("training.method: qlora")
    else:
        remedies.append(f"training.lora.r below {training.lora.r}")
    memory = job.plan.memory_gib
    notice = state.recorder.read().notice
    again = f" {notice} That was not enough." if notice else ""
    return TrainingError(
        Reason.OUT_OF_MEMORY,
        f"{describe_peak()}; the plan predicted {memory.needed:.1f} GiB of {memory.available:.1f} GiB per "
        f"GPU.{again} Remedies: {'; '.join(remedies)}. ({failure.message[:300]})",
    )


def _outcome(
    state: RunState, outcome: Literal["Failed", "Interrupted"], reason: str, message: str
) -> Outcome:
    return Outcome(
        outcome=outcome,
        reason=reason,
        message=message,
        progress=state.recorder.read(),
        artifacts=state.artifacts,
        samples=state.samples,
        evaluation=state.evaluation,
        judge_usage=state.judge_usage if state.evaluation is None else None,
    )
