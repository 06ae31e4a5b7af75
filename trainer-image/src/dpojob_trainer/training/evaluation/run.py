"""The evaluation of a finished run, from its outcome to the outcome with figures."""

from __future__ import annotations

import logging

from dpojob_api.evaluation import Evaluation
from dpojob_api.progress import Outcome
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.setup.errors import one_line
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.train_job import TrainJob

from .attention import attention
from .documents import write_sections
from .held_out_figures import PROMPTS, compare_answers, reward_accuracy
from .models import load_pair
from .prompts import held_out_rows

log = logging.getLogger(__name__)


def evaluate_run(job: TrainJob, recorder: ProgressRecorder, outcome: Outcome) -> Outcome:
    """Compare the finished model with the one that training began with, and record the figures.

    Called once the model is in its place, by the first process; an outcome that has figures is returned
    as it is. Raises no error: figures that cannot be computed are missing, with a note.
    """
    if outcome.evaluation is not None:
        return outcome
    recorder.set_stage("Evaluating")
    evaluation = Evaluation()
    try:
        evaluation = evaluation.model_copy(
            update={"reward_accuracy": reward_accuracy(job, outcome.progress)}
        )
        evaluation = _compare(job, evaluation)
    except Exception as error:
        log.warning("the evaluation failed; the model is complete", exc_info=True)
        note = f"Figures are missing: {type(error).__name__}: {one_line(error)}"
        evaluation = evaluation.model_copy(update={"note": note})
    evaluation = evaluation.model_copy(update={"attention": attention(evaluation)})
    outcome = outcome.model_copy(update={"evaluation": evaluation})
    write_sections(job.output, evaluation)
    output_directory.record_outcome(job.output, outcome)
    return outcome


def _compare(job: TrainJob, evaluation: Evaluation) -> Evaluation:
    rows = held_out_rows(job, PROMPTS)
    if not rows:
        note = (
            "dataset.eval holds no pairs out, so no answers are compared."
            if not job.report.eval_rows
            else "Every held-out prompt is also trained on, so no answers are compared."
        )
        return evaluation.model_copy(update={"note": note})
    return compare_answers(job, load_pair(job), rows, evaluation)
