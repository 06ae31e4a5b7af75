"""The training itself: DPOTrainer with the plan's settings, resumed from the latest checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from transformers import TrainerCallback

from dpojob_api import constants
from dpojob_api.conditions import Reason
from dpojob_trainer.training.dpo_trainer.reference_store_trainer import ReferenceStoreTrainer
from dpojob_trainer.training.dpo_trainer.trl_patches import attention_implementation
from dpojob_trainer.training.setup.argument_errors import as_argument_error
from dpojob_trainer.training.setup.arguments import dpo_config, plan_schedule
from dpojob_trainer.training.setup.errors import Interrupted
from dpojob_trainer.training.setup.model import load_model
from dpojob_trainer.training.setup.model_source import locate_model
from dpojob_trainer.training.setup.precision import (
    choose_precisions,
    keep_trainable_weights_in_fp32,
)
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.signals import StopRequest
from dpojob_trainer.training.setup.train_job import TrainJob
from dpojob_trainer.training.setup.training_result import TrainingResult

from . import checkpoints, data, health, samples
from .attention import gpu_capability, leave_out_padding_mask
from .best_checkpoint import BestCheckpoint, kept_step
from .callbacks import CheckpointManifest, Interruption, ProgressCallback, Sampling
from .memory import read_gpu_memory
from .samples import Samples
from .tracker_guard import guard_trackers

log = logging.getLogger(__name__)
DATA_CACHE = "data"
"""The directory in that of the checkpoints which holds rows, tokens and reference log-probabilities for later attempts."""
DISTRIBUTED_TIMEOUT_SECONDS = 1800
"""How long a process waits for another one, which may be reading rows; `ddp_timeout` overrides it."""


class Trainer(ReferenceStoreTrainer):
    """TRL's trainer, with space for each checkpoint and errors that name the user's arguments."""

    def __init__(
        self, *, arguments: Mapping[str, Any], manifests: CheckpointManifest, **kwargs: Any
    ) -> None:
        self._arguments = arguments
        self._manifests = manifests
        with as_argument_error(arguments):
            super().__init__(digests=manifests.digests, **kwargs)

    def create_optimizer(self, *args: Any) -> Any:
        """Create the optimizer."""
        with as_argument_error(self._arguments):
            return super().create_optimizer(*args)

    def create_scheduler(self, *args: Any, **kwargs: Any) -> Any:
        """Create the learning rate scheduler."""
        with as_argument_error(self._arguments):
            return super().create_scheduler(*args, **kwargs)

    def before_checkpoint(self) -> None:
        """Remove old checkpoints from a volume that may have no space for another."""
        self._manifests.begin(self.state)


def train(
    job: TrainJob,
    recorder: ProgressRecorder,
    stop: StopRequest,
    judged: TrainerCallback | None = None,
) -> TrainingResult:
    """Train to the end, or until a signal or a health guard stops the run. Raises any error.

    `judged` adds figures to evaluations, which decide on the best checkpoint and on the health.
    """
    # The first use decides on the backend: without `cpu`, processes without a GPU stay separate.
    PartialState(
        cpu=not torch.cuda.is_available(),
        timeout=timedelta(
            seconds=job.spec.training.arguments.get("ddp_timeout") or DISTRIBUTED_TIMEOUT_SECONDS
        ),
    )
    recorder.set_stage("PreparingData")
    cache = job.checkpoints / DATA_CACHE
    rows = data.load(job, "train", cache)
    held_out = data.load(job, "eval", cache) if job.report.eval_rows else None
    eval_rows = len(held_out) if held_out is not None else 0

    recorder.set_stage("LoadingModel")
    precisions = choose_precisions(job.plan, job.parameters)
    start = locate_model(job)
    loaded = load_model(job, start, precisions)
    if job.spec.training.early_stopping and not eval_rows:
        loaded.notes.append(
            "training.earlyStopping needs evaluation pairs, and dataset.eval holds none out"
        )
    for note in loaded.notes:
        log.warning("%s", note)

    schedule = plan_schedule(job, len(rows))
    config = dpo_config(job, precisions, schedule, eval_rows)
    run_samples = Samples(
        samples.choose_prompts(
            job.spec.samples.prompts,
            held_out if held_out is not None else rows,
            conversational=not isinstance(rows[0]["prompt"], str),
        ),
        job.checkpoints / samples.FILE,
        job.key,
        writes=config.process_index == 0,
    )
    limit = job.spec.training.arguments.get("save_total_limit", checkpoints.MIN_KEPT)
    manifests = CheckpointManifest(job.checkpoints, job.key, recorder, limit)
    config.save_total_limit = (
        None  # Old checkpoints are removed once newer ones are complete, not before.
    )
    interruption = Interruption(stop, job.plan.checkpoint.interval_seconds, recorder)
    progress = ProgressCallback(
        recorder, job.plan.estimate, stop_on_unhealthy=job.spec.training.on_unhealthy == "Stop"
    )
    if job.plan.precompute_reference:
        recorder.set_stage("PrecomputingReference")
    trainer = Trainer(
        arguments=job.spec.training.arguments,
        manifests=manifests,
        share_prefixes=job.plan.prefix_sharing,
        reference_store=job.cache_directory(constants.REFERENCE_STORE_DIRECTORY),
        tokenized_rows=job.cache_directory(constants.TOKENIZED_ROWS_DIRECTORY),
        notes=loaded.notes,
        model=loaded.model,
        ref_model=loaded.reference,
        args=config,
        train_dataset=rows,
        eval_dataset=held_out,
        processing_class=loaded.tokenizer,
        peft_config=loaded.lora,
        callbacks=[
            Sampling(run_samples, loaded.tokenizer, job.spec.samples.every_steps),
            BestCheckpoint(job.checkpoints, loaded.notes),
            *([] if judged is None else [judged]),
            progress,
            manifests,
            *_early_stopping(job, eval_rows),
            interruption,
        ],
    )
    # A reference that was used only beforehand leaves its memory to the training.
    loaded.reference = trainer.ref_model
    keep_trainable_weights_in_fp32(trainer.model)
    for model in (trainer.model, trainer.ref_model):
        if model is not None:
            leave_out_padding_mask(model, gpu_capability())
    guard_trackers(trainer, loaded.notes)
    resume, planned = _resume_point(job), 0
    if resume is None:
        recorder.update(step=0, checkpoint_step=None, resumed_from=None)
    else:
        step = checkpoints.step_of(resume)
        log.info("resuming from the checkpoint of step %d", step)
        trainer.continue_token_count(checkpoints.tokens_of(resume))
        recorder.update(resumed_from=step, checkpoint_step=step)
        planned = _planned_steps_if_finished(job, resume)
        if planned:
            # With the number of steps the loop would take one more; with no epochs it only loads.
            config.max_steps, config.num_train_epochs = -1, 0
    run_samples.discard_after(recorder.read().resumed_from or 0)
    try:
        with stop.defer():
            trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    except Interrupted:
        _save_after_interruption(trainer)
        interrupted = True
    else:
        if planned:
            trainer.state.max_steps = planned
            recorder.update(max_steps=planned)
        interrupted = interruption.interrupted
    if not interrupted:
        _record_kept_evaluation(trainer, recorder)
        # An answer from this step was generated before the best weights were loaded.
        run_samples.discard_after(trainer.state.global_step - 1)
        run_samples.generate(trainer.state.global_step, trainer.model, loaded.tokenizer)
    return TrainingResult(
        trainer=trainer,
        loaded=loaded,
        start=start,
        train_rows=len(rows),
        eval_rows=eval_rows,
        precision=precisions.compute,
        attention=attention_implementation(trainer.model),
        kept_step=kept_step(trainer),
        samples=run_samples.pairs(),
        answers=run_samples.answers,
        interrupted=interrupted,
        unhealthy=progress.unhealthy,
    )


def _resume_point(job: TrainJob) -> Path | None:
    """The checkpoint to resume from: the first process validates them and sends the result to all."""
    state = PartialState()
    found: list[str | None] = [None]
    if state.is_main_process:
        latest = checkpoints.latest(job.checkpoints, job.key)
        checkpoints.clear_unusable(job.checkpoints, job.key)
        found = [None if latest is None else str(latest)]
    if state.num_processes > 1:
        torch.distributed.broadcast_object_list(found, src=0, device=state.device)
    return None if found[0] is None else Path(found[0])


def _record_kept_evaluation(trainer: Any, recorder: ProgressRecorder) -> None:
    """Record the evaluation of the step whose weights are kept, which may not be the last one."""
    kept = kept_step(trainer)
    for record in trainer.state.log_history:
        if "eval_loss" in record and record["step"] == kept:
            recorder.record_metrics(record, read_gpu_memory())


def _early_stopping(job: TrainJob, eval_rows: int) -> list[Any]:
    from transformers import EarlyStoppingCallback

    early_stopping = job.spec.training.early_stopping
    if early_stopping is None or not eval_rows:
        return []
    return [EarlyStoppingCallback(early_stopping_patience=early_stopping.patience)]


def _planned_steps_if_finished(job: TrainJob, resume: Path) -> int:
    """The planned steps where the run had ended at this checkpoint; 0 where steps are left."""
    state, early_stopping = checkpoints.read_state(resume), job.spec.training.early_stopping
    stopped = (
        early_stopping is not None
        and checkpoints.evaluations_without_improvement(state) >= early_stopping.patience
    )
    current = health.check_health(state["log_history"], state["max_steps"])
    stopped = stopped or current.reason == Reason.REWARD_HACKING
    return int(state["max_steps"]) if stopped or state["global_step"] >= state["max_steps"] else 0


def _save_after_interruption(trainer: Any) -> None:
    """Save a checkpoint of the step whose evaluation was aborted."""
    trainer.control.should_save = True
    trainer.control.should_evaluate = False
    trainer.control.should_log = False
    trainer.save_checkpoint()
    trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)
