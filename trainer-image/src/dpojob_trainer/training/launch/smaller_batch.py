"""Training on after an out-of-memory in a process that trains alone.

Of several processes the others wait in a collective for the one whose GPU is full, which nothing but their end can
undo: `launcher` starts all of them anew.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from dpojob_trainer.training.checkpoint_judging.judged_evaluations import judge_of_checkpoints
from dpojob_trainer.training.loop.memory import release_memory
from dpojob_trainer.training.loop.trainer import train
from dpojob_trainer.training.setup.errors import explain
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.signals import StopRequest
from dpojob_trainer.training.setup.train_job import TrainJob
from dpojob_trainer.training.setup.training_result import TrainingResult

from .smaller_plan import describe_smaller_batch, halve_batch, smaller_batch_helps

log = logging.getLogger(__name__)


def train_with_smaller_batch_if_needed(
    job: TrainJob, recorder: ProgressRecorder, stop: StopRequest
) -> TrainingResult:
    """Train; after an out-of-memory, once more from the latest checkpoint with half the batch per GPU.

    Raises any error, of several processes also the first out-of-memory. The notice of a smaller batch is in
    the recorder's progress and in the notes of the result.
    """
    plan = None if job.plan.gpus > 1 else halve_batch(job.plan)
    judge = judge_of_checkpoints(job, stop, smaller_batch_left=plan is not None)
    try:
        result = train(job, recorder, stop, judge)
    except Exception as error:
        reason = explain(error, job.output).reason
        if plan is None or not smaller_batch_helps(reason, recorder.read().stage):
            raise
        log.warning("out of memory", exc_info=True)
    else:
        return _with_notice(result, recorder)
    # Here the error is gone, and with it the frames that held the model.
    release_memory()
    progress = recorder.read()
    notice = describe_smaller_batch(job.plan, plan, progress.step, progress.checkpoint_step)
    log.warning("%s", notice)
    recorder.update(notice=notice)
    smaller = replace(job, plan=plan)
    judge = judge_of_checkpoints(smaller, stop, smaller_batch_left=False)
    result = train(smaller, recorder, stop, judge)
    return _with_notice(result, recorder)


def _with_notice(result: TrainingResult, recorder: ProgressRecorder) -> TrainingResult:
    notice = recorder.read().notice
    if notice is not None:
        result.loaded.notes.append(notice)
    return result
