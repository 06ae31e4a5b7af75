"""The training itself: DPOTrainer, given what the plan says, from the newest checkpoint on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from trl import DPOTrainer

from dpojob_trainer.training.setup import (
    arguments,
    data,
    model,
    model_source,
    precision,
    tracker_setup,
)
from dpojob_trainer.training.setup.argument_errors import at_fault
from dpojob_trainer.training.setup.errors import Interrupted
from dpojob_trainer.training.setup.signals import Stop
from dpojob_trainer.training.setup.train_job import TrainJob

from . import checkpoints, samples
from .best_checkpoint import Best, kept_step
from .callbacks import Interruption, Sampling, Seals, Watch
from .memory import peak_memory
from .progress import Tracker
from .samples import Samples

log = logging.getLogger(__name__)
DATA_CACHE = "data"
"""In the checkpoints' directory: rows, tokens and reference log-probabilities, for later attempts."""
PEER_SECONDS = 1800
"""A process waits so long for another one, which may be reading rows; `ddp_timeout` changes it."""


class Trainer(DPOTrainer):  # type: ignore[misc]
    """TRL's own, but for the model card in every checkpoint: the run ends with one of ours.

    What it refuses is the fault of the arguments that were `asked` for.
    """

    def __init__(self, *, asked: Mapping[str, Any], seals: Seals, **told: Any) -> None:
        self._asked = asked
        self._seals = seals
        with at_fault(asked):
            super().__init__(**told)

    def create_optimizer(self, *model: Any) -> Any:
        """Its own."""
        with at_fault(self._asked):
            return super().create_optimizer(*model)

    def create_scheduler(self, *told: Any, **more: Any) -> Any:
        """Its own."""
        with at_fault(self._asked):
            return super().create_scheduler(*told, **more)

    def _save_checkpoint(self, *told: Any, **more: Any) -> None:
        """Its own, on a volume that has room for it."""
        if self.is_world_process_zero():
            self._seals.make_room(self.state)
        super()._save_checkpoint(*told, **more)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Writes none; TRL's would import every tracker to ask where its pages are."""


@dataclass
class Trained:
    """A run that ended without an error."""

    trainer: Any
    loaded: model.Loaded
    start: model_source.Start
    samples: Samples
    train_rows: int
    eval_rows: int
    precision: str
    """Of the arithmetic, as this machine has it."""
    interrupted: bool = False
    unhealthy: bool = False


def train(job: TrainJob, tracker: Tracker, stop: Stop) -> Trained:
    """Train to the end, to a signal, or to a guard's objection. Raises what goes wrong."""
    # Before anything asks it: without a GPU it would not see the other processes.
    PartialState(
        cpu=not torch.cuda.is_available(),
        timeout=timedelta(seconds=job.spec.training.arguments.get("ddp_timeout") or PEER_SECONDS),
    )
    tracker.stage("PreparingData")
    cache = job.checkpoints / DATA_CACHE
    rows = data.load(job, "train", cache)
    held_out = data.load(job, "eval", cache) if job.report.eval_rows else None
    eval_rows = len(held_out) if held_out is not None else 0

    tracker.stage("LoadingModel")
    precisions = precision.choose(job.plan, job.parameters)
    start = model_source.locate(job)
    loaded = model.load(job, start, precisions)
    if job.spec.training.early_stopping and not eval_rows:
        loaded.notes.append(
            "training.earlyStopping needs evaluation pairs, and dataset.eval holds none out"
        )
    for note in loaded.notes:
        log.warning("%s", note)

    steps = arguments.schedule(job, len(rows), eval_rows)
    config = arguments.config(job, precisions, steps, eval_rows)
    taken = Samples(
        samples.choose(
            job.spec.samples.prompts,
            held_out if held_out is not None else rows,
            conversational=not isinstance(rows[0]["prompt"], str),
        ),
        job.checkpoints / samples.FILE,
        job.key,
        writes=config.process_index == 0,
    )
    limit = job.spec.training.arguments.get("save_total_limit", checkpoints.KEPT)
    seals = Seals(job.checkpoints, job.key, tracker, limit)
    config.save_total_limit = None  # The old ones go when newer ones are whole, not before.
    interruption = Interruption(stop)
    watch = Watch(tracker, stop_on_unhealthy=job.spec.training.on_unhealthy == "Stop")
    if job.plan.precompute_reference:
        tracker.stage("PrecomputingReference")
    trainer = Trainer(
        asked=job.spec.training.arguments,
        seals=seals,
        model=loaded.model,
        ref_model=loaded.reference,
        args=config,
        train_dataset=rows,
        eval_dataset=held_out,
        processing_class=loaded.tokenizer,
        peft_config=loaded.lora,
        callbacks=[
            Sampling(taken, loaded.tokenizer, job.spec.samples.every_steps),
            watch,
            seals,
            Best(job.checkpoints, loaded.notes),
            *_early_stopping(job, eval_rows),
            interruption,
        ],
    )
    precision.trainable_in_fp32(trainer.model)
    tracker_setup.guard(trainer, loaded.notes)
    resume, planned = _resume_point(job), 0
    if resume is None:
        tracker.update(step=0, checkpoint_step=None, resumed_from=None)
    else:
        step = checkpoints.step_of(resume)
        log.info("going on from the checkpoint of step %d", step)
        # TRL counts tokens from the start of the process, and its curve would fall back.
        trainer._total_train_tokens = checkpoints.tokens_of(resume)
        tracker.update(resumed_from=step, checkpoint_step=step)
        planned = _planned_if_over(job, resume)
        if planned:
            # Told of its steps, the loop would take one more. So it only loads what it has.
            config.max_steps, config.num_train_epochs = -1, 0
    trained = Trained(trainer, loaded, start, taken, len(rows), eval_rows, precisions.compute)
    taken.forget_after(tracker.read().resumed_from or 0)
    if resume is None:
        taken.take(0, trainer.model, loaded.tokenizer)
    try:
        with stop.defer():
            trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    except Interrupted:
        _save_now(trainer)
        trained.interrupted = True
        return trained
    if planned:
        trainer.state.max_steps = planned
        tracker.update(max_steps=planned)
    trained.interrupted = interruption.interrupted
    trained.unhealthy = watch.unhealthy
    if not trained.interrupted:
        _tell_the_kept(trainer, tracker)
        # What was answered at this very step, before the best weights were loaded, is not the last word.
        taken.forget_after(trainer.state.global_step - 1)
        taken.take(trainer.state.global_step, trainer.model, loaded.tokenizer)
    return trained


def _resume_point(job: TrainJob) -> Path | None:
    """The checkpoint to go on from: the first process reads and judges, all others are told."""
    state = PartialState()
    found: list[str | None] = [None]
    if state.is_main_process:
        newest = checkpoints.newest(job.checkpoints, job.key)
        checkpoints.clear_unusable(job.checkpoints, job.key)
        found = [None if newest is None else str(newest)]
    if state.num_processes > 1:
        torch.distributed.broadcast_object_list(found, src=0, device=state.device)
    return None if found[0] is None else Path(found[0])


def _tell_the_kept(trainer: Any, tracker: Tracker) -> None:
    """Where an earlier step's weights are kept, its evaluation is the model's, not the last one."""
    kept = kept_step(trainer)
    for record in trainer.state.log_history:
        if "eval_loss" in record and record["step"] == kept:
            tracker.log(record, peak_memory())


def _early_stopping(job: TrainJob, eval_rows: int) -> list[Any]:
    from transformers import EarlyStoppingCallback

    wanted = job.spec.training.early_stopping
    if wanted is None or not eval_rows:
        return []
    return [EarlyStoppingCallback(early_stopping_patience=wanted.patience)]


def _planned_if_over(job: TrainJob, resume: Path) -> int:
    """The steps that were planned, if the run was over at this checkpoint; 0 if steps are left."""
    state, wanted = checkpoints.state_of(resume), job.spec.training.early_stopping
    stopped = wanted is not None and checkpoints.idle_evaluations(state) >= wanted.patience
    return int(state["max_steps"]) if stopped or state["global_step"] >= state["max_steps"] else 0


def _save_now(trainer: Any) -> None:
    """Save the step that was over when the evaluation after it was cut short."""
    trainer.control.should_save = True
    trainer.control.should_evaluate = False
    trainer.control.should_log = False
    trainer._save_checkpoint(trainer.model, trial=None)
    trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)
