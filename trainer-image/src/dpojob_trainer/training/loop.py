"""The training itself: DPOTrainer, given what the plan says, from the newest checkpoint on."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import PartialState
from trl import DPOTrainer

from . import arguments, checkpoints, data, model, precision, samples, source
from .callbacks import Interruption, Sampling, Seals, Watch
from .failure import Interrupted
from .job import TrainJob
from .memory import peak_memory
from .samples import Samples
from .stop import Stop
from .tracker import Tracker

log = logging.getLogger(__name__)
DATA_CACHE = "data"
"""In the checkpoints' directory: rows, tokens and reference log-probabilities, for later attempts."""


@dataclass
class Trained:
    """A run that ended without an error."""

    trainer: Any
    loaded: model.Loaded
    start: source.Start
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
    PartialState(cpu=not torch.cuda.is_available())
    tracker.stage("PreparingData")
    cache = job.checkpoints / DATA_CACHE
    rows = data.load(job, "train", cache)
    held_out = data.load(job, "eval", cache) if job.report.eval_rows else None
    eval_rows = len(held_out) if held_out is not None else 0

    tracker.stage("LoadingModel")
    precisions = precision.choose(job.plan)
    start = source.locate(job)
    loaded = model.load(job, start, precisions)
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
        writes=config.process_index == 0,
    )
    interruption = Interruption(stop)
    watch = Watch(tracker, stop_on_unhealthy=job.spec.training.on_unhealthy == "Stop")
    if job.plan.precompute_reference:
        tracker.stage("PrecomputingReference")
    trainer = DPOTrainer(
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
            Seals(job.checkpoints, job.key, tracker),
            *_early_stopping(job, eval_rows),
            interruption,
        ],
    )
    resume = checkpoints.newest(job.checkpoints, job.key)
    if config.process_index == 0:
        checkpoints.clear_unusable(job.checkpoints, job.key)
    trainer.accelerator.wait_for_everyone()
    if resume is not None:
        step = checkpoints.step_of(resume)
        log.info("going on from the checkpoint of step %d", step)
        # TRL counts tokens from the start of the process, and its curve would fall back.
        trainer._total_train_tokens = checkpoints.tokens_of(resume)
        tracker.update(resumed_from=step, checkpoint_step=step)
    trained = Trained(trainer, loaded, start, taken, len(rows), eval_rows, precisions.compute)
    if resume is None:
        taken.take(0, trainer.model, loaded.tokenizer)
    try:
        with stop.defer():
            trainer.train(resume_from_checkpoint=None if resume is None else str(resume))
    except Interrupted:
        _save_now(trainer)
        trained.interrupted = True
        return trained
    trained.interrupted = interruption.interrupted
    trained.unhealthy = watch.unhealthy
    if not trained.interrupted:
        _tell_the_kept(trainer.state, tracker)
        taken.take(trainer.state.global_step, trainer.model, loaded.tokenizer)
    return trained


def _tell_the_kept(state: Any, tracker: Tracker) -> None:
    """Where an earlier step's weights are kept, its evaluation is the model's, not the last one."""
    for record in state.log_history:
        if "eval_loss" in record and record["step"] == state.best_global_step:
            tracker.log(record, peak_memory())


def _early_stopping(job: TrainJob, eval_rows: int) -> list[Any]:
    from transformers import EarlyStoppingCallback

    wanted = job.spec.training.early_stopping
    if wanted is None:
        return []
    if not eval_rows:
        log.warning(
            "training.earlyStopping needs evaluation pairs, and dataset.eval holds none out"
        )
        return []
    return [EarlyStoppingCallback(early_stopping_patience=wanted.patience)]


def _save_now(trainer: Any) -> None:
    """Save the step that was over when the evaluation after it was cut short."""
    trainer.control.should_save = True
    trainer.control.should_evaluate = False
    trainer.control.should_log = False
    trainer._save_checkpoint(trainer.model, trial=None)
    trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)
