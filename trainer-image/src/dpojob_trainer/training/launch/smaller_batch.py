"""Training on after an out-of-memory: with less at a time, and the same pairs in each optimizer step."""

from __future__ import annotations

import gc
import logging
from dataclasses import replace

import torch

from dpojob_api.conditions import Reason
from dpojob_api.plan import Plan
from dpojob_trainer.training.loop.trainer import train
from dpojob_trainer.training.setup.errors import explain
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.signals import StopRequest
from dpojob_trainer.training.setup.train_job import TrainJob
from dpojob_trainer.training.setup.training_result import TrainingResult

log = logging.getLogger(__name__)
STAGES = ("PrecomputingReference", "Training", "Evaluating")
"""In which memory depends on the batch."""


def train_with_smaller_batch_if_needed(
    job: TrainJob, recorder: ProgressRecorder, stop: StopRequest
) -> TrainingResult:
    """Train; after an out-of-memory, once more from the latest checkpoint with half the batch per GPU.

    Raises any error, of several processes also the first out-of-memory: the others wait for the lost one.
    """
    try:
        return train(job, recorder, stop)
    except Exception as error:
        plan = halve_batch(job.plan)
        lacks_memory = explain(error, job.output).reason == Reason.OUT_OF_MEMORY
        if plan is None or not lacks_memory or recorder.read().stage not in STAGES:
            raise
        log.warning("out of memory", exc_info=True)
    # Here the error is gone, and with it the frames that held the model.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    progress = recorder.read()
    since = f"the checkpoint of step {progress.checkpoint_step}"
    notice = (
        f"Out of memory at step {progress.step} with {job.plan.per_device_batch_size} pairs per GPU at a time. "
        f"Training went on from {since if progress.checkpoint_step else 'the beginning'} with "
        f"{plan.per_device_batch_size}, and accumulates {plan.gradient_accumulation} times, so that optimizer "
        "steps have the same pairs."
    )
    log.warning("%s", notice)
    recorder.update(notice=notice)
    result = train(replace(job, plan=plan), recorder, stop)
    result.loaded.notes.append(notice)
    return result


def halve_batch(plan: Plan) -> Plan | None:
    """The plan with at most half of the pairs per GPU, and as many pairs in an optimizer step.

    Args:
        plan: The plan that needs too much memory.

    Returns:
        None where a single pair is processed at a time, or several processes train.
    """
    size = plan.per_device_batch_size
    if size == 1 or plan.gpus > 1:
        return None
    smaller = next(part for part in range(size // 2, 0, -1) if size % part == 0)
    return plan.model_copy(
        update={
            "per_device_batch_size": smaller,
            "gradient_accumulation": plan.gradient_accumulation * (size // smaller),
        }
    )
