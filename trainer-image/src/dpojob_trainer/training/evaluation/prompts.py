"""The prompts that are judged during the training, and those of the verdict after it."""

from __future__ import annotations

from typing import Any

from dpojob_api.shared_training_constants import EVERY_EVAL_PROMPTS, prompts_judged_during
from dpojob_api.spec import EvaluationSpec
from dpojob_trainer import inspection
from dpojob_trainer.training.setup.arguments import judges_checkpoints
from dpojob_trainer.training.setup.train_job import TrainJob


def judged_rows(
    job: TrainJob, spec: EvaluationSpec
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows that are judged at each evaluation of the training, and others for the verdict after it.

    A checkpoint that is chosen by its answers to some prompts looks better on these than it is, so the verdict
    is on others. At most a third of the prompts is judged during training.

    Args:
        job: The job.
        spec: Its spec.evaluation.

    Returns:
        The rows during training, none where no checkpoint is judged, and those after it.

    Raises:
        PromptFileError: The file of prompts is missing, or a line of it is no prompt.
    """
    if not judges_checkpoints(job):
        return [], evaluation_rows(job, spec.prompts.max)
    rows = evaluation_rows(job, EVERY_EVAL_PROMPTS + spec.prompts.max)
    during = prompts_judged_during(len(rows))
    return rows[:during], rows[during:][: spec.prompts.max]


def evaluation_rows(job: TrainJob, limit: int) -> list[dict[str, Any]]:
    """The first `limit` prompts to evaluate on, by the dataset as inspection accepted it.

    Raises PromptFileError where the file of prompts is missing, or a line of it is no prompt.
    """
    return inspection.evaluation_rows(job.spec, job.report, job.volumes, limit, token=job.token)
