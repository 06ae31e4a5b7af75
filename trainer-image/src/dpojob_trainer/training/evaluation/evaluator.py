"""The evaluation of a finished run, from its outcome to the outcome with figures and verdict."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import replace

from dpojob_api.conditions import Reason
from dpojob_api.evaluation import Evaluation, JudgeUsage
from dpojob_api.progress import Outcome
from dpojob_api.quantity import parse_duration
from dpojob_api.shared_training_constants import (
    ANSWER_SECONDS,
    ANSWER_TIME_SHARE,
    ANSWER_TOKENS,
    ANSWERED_PROMPTS,
    FEWEST_JUDGED_DURING,
    FEWEST_PROMPTS,
    JUDGED_ANSWER_TOKENS,
    TASK_TIME_SHARE,
)
from dpojob_api.spec import EvaluationSpec
from dpojob_trainer.inspection import PromptFileError
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.setup.arguments import judges_checkpoints
from dpojob_trainer.training.setup.errors import evaluation_failure
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.train_job import TrainJob

from .answering import AnswerSettings, answer_both
from .document_sections import write_sections
from .figure_limits import figures_beyond_limits
from .held_out_figures import reward_accuracy, with_answers, with_distance
from .judges import Comparison, Judge, JudgeError, open_judge
from .judges.kept_replies import KeptReplies
from .models import PairLoader
from .pod_failures import WORK_DIRECTORY, EvaluationStarts, FailedPods
from .prompts import evaluation_rows, judged_rows
from .records import FILE, Record, write_records
from .tasks.task_runner import FILE as TASKS_FILE
from .tasks.task_runner import run_tasks
from .tasks.task_verdict import with_task_verdict, within_requirement
from .verdict import compare, not_evaluated

log = logging.getLogger(__name__)


def evaluate_run(
    job: TrainJob,
    recorder: ProgressRecorder,
    finished: Outcome,
    on_usage: Callable[[JudgeUsage], None] | None = None,
) -> Outcome:
    """Compare the finished model with the one that training began with, and record the figures.

    Called once the model is in its place, by the first process; an outcome that has figures is returned
    as it is. Raises no error: figures that cannot be computed are missing, with a note, and a file that
    cannot be written is missing as well. What ends the container itself, such as main memory that runs out,
    is not tried again by each attempt. `on_usage` is called with what a judge behind an API was asked so far, by
    earlier attempts too.
    """
    if finished.evaluation is not None:
        return finished
    recorder.set_stage("Evaluating")
    failed = FailedPods(job.output / WORK_DIRECTORY, job.attempt).before()
    starts = EvaluationStarts(job.output / WORK_DIRECTORY, job.spec.backoff_limit - failed)
    records: list[Record] = []
    try:
        if starts.are_used_up:
            evaluation = _given_up(job, starts.count)
        else:
            with starts.counted():
                kept = _kept_usage(job)
                if on_usage is not None and kept is not None:
                    on_usage(kept)
                evaluation, records = evaluate(job, finished, on_usage)
    except OSError as error:
        # `evaluate` raises no error. This one is of a file that counts the starts or keeps a judge's replies.
        evaluation = _without_verdict(job, Evaluation(), evaluation_failure(error, job.output))
    finished = finished.model_copy(update={"evaluation": evaluation})
    try:
        _write_files(job, finished, records)
    except OSError:
        # A full disk has room again without what was kept for a later attempt.
        shutil.rmtree(job.output / WORK_DIRECTORY, ignore_errors=True)
        try:
            _write_files(job, finished, records)
        except OSError as error:
            log.warning("files of the evaluation are missing", exc_info=True)
            note = f"Files beside the model are missing. {evaluation_failure(error, job.output)}"
            evaluation = _with_note(evaluation, note)
            finished = finished.model_copy(update={"evaluation": evaluation})
    shutil.rmtree(job.output / WORK_DIRECTORY, ignore_errors=True)
    return finished


def _write_files(job: TrainJob, finished: Outcome, records: list[Record]) -> None:
    """Write the answers, the evaluation's part of each document, and the outcome. Raises OSError."""
    evaluation, files = finished.evaluation or Evaluation(), []
    if records:
        write_records(job.output / FILE, records)
        files.append(FILE)
    write_sections(job, evaluation, records)
    if evaluation.tasks and (job.output / TASKS_FILE).exists():
        files.append(TASKS_FILE)
    output_directory.record_outcome(job.output, finished, files)


def evaluate_alone(job: TrainJob) -> Evaluation:
    """Evaluate any model in the output directory, and write evaluation.jsonl beside it.

    Raises no error: what cannot be computed or written is missing, with a note.
    """
    evaluation, records = evaluate(job, Outcome(outcome="Succeeded", reason=Reason.COMPLETED))
    try:
        if records:
            write_records(job.output / FILE, records)
    except OSError as error:
        note = f"{FILE} is missing. {evaluation_failure(error, job.output)}"
        evaluation = _with_note(evaluation, note)
    shutil.rmtree(job.output / WORK_DIRECTORY, ignore_errors=True)
    return evaluation


def may_be_uploaded(job: TrainJob, evaluation: Evaluation | None) -> bool:
    """Whether evaluation.require allows uploads.

    It does where nothing is required, or where the verdict is that the model is better. Without a judge
    it is enough that no task lost more than is allowed: few models gain in a benchmark by preferences.
    """
    spec = job.spec.evaluation
    if spec is None or spec.require is None:
        return True
    if evaluation is None:
        return False
    if spec.judge is None:
        return bool(evaluation.tasks) and within_requirement(evaluation.tasks, spec.require)
    return evaluation.verdict == Reason.BETTER_THAN_BASE


def _given_up(job: TrainJob, starts: int) -> Evaluation:
    message = (
        f"The evaluation ended the training container {starts} {'time' if starts == 1 else 'times'}, as happens "
        "where main memory runs out, and was given up: raise the installation's limit for training pods (chart "
        "value train.resources), or evaluate alone with `dpojob evaluate`."
    )
    # The requests of earlier attempts were paid for, so they are reported although there is no verdict.
    return _without_verdict(job, Evaluation(judge_usage=_kept_usage(job)), message)


def _kept_usage(job: TrainJob) -> JudgeUsage | None:
    """What earlier attempts asked a judge behind an API; None where they asked nothing."""
    spec = job.spec.evaluation
    if spec is None or spec.judge is None or spec.judge.endpoint is None:
        return None
    usage = KeptReplies(job.output / WORK_DIRECTORY, spec.judge.endpoint).usage()
    return usage if usage.requests else None


def _without_verdict(job: TrainJob, evaluation: Evaluation, message: str) -> Evaluation:
    """`evaluation` with the reason why figures are missing, and the verdict is where one was asked for."""
    if job.spec.evaluation is None:
        return evaluation.model_copy(update={"note": message})
    return not_evaluated(evaluation, message)


def _with_note(evaluation: Evaluation, note: str) -> Evaluation:
    return evaluation.model_copy(update={"note": f"{evaluation.note} {note}".strip()})


def evaluate(
    job: TrainJob, finished: Outcome, on_usage: Callable[[JudgeUsage], None] | None = None
) -> tuple[Evaluation, list[Record]]:
    """The figures and the verdict, and where a judge is asked for the answers. Raises no error."""
    evaluation = Evaluation()
    records: list[Record] = []
    spec = job.spec.evaluation
    start = time.monotonic()
    pair = PairLoader(job)
    try:
        accuracy = reward_accuracy(job, finished.progress)
        evaluation = evaluation.model_copy(update={"reward_accuracy": accuracy})
        if spec is not None and spec.tasks:
            seconds = _seconds(spec) * (1 if spec.judge is None else TASK_TIME_SHARE)
            results = run_tasks(
                job, spec.tasks, pair.get(), start + seconds, job.output / WORK_DIRECTORY
            )
            evaluation = evaluation.model_copy(update={"tasks": results})
        evaluation, answered = _answer(job, evaluation, pair, start)
        pair.release()
        if spec is not None and spec.judge is not None:
            records = answered  # They are kept where the judge fails.
        if spec is not None and spec.judge is not None and evaluation.verdict is None:
            deadline = start + _seconds(spec)
            judge = open_judge(job, spec.judge, deadline, job.output / WORK_DIRECTORY)
            judge.on_usage = on_usage
            evaluation, records = _judge(job, spec, judge, evaluation, answered)
    except (JudgeError, PromptFileError) as error:
        evaluation = not_evaluated(evaluation, f"{error}.")
    except Exception as error:
        log.warning("the evaluation failed; the model is complete", exc_info=True)
        message = evaluation_failure(error, job.output)
        evaluation = evaluation.model_copy(update={"note": message})
        evaluation = _without_verdict(job, evaluation, message)
    if spec is not None and evaluation.tasks:
        evaluation = with_task_verdict(evaluation, spec.require, judged=spec.judge is not None)
    attention = figures_beyond_limits(evaluation)
    return evaluation.model_copy(update={"attention": attention}), records


def _answer(
    job: TrainJob, evaluation: Evaluation, pair: PairLoader, start: float
) -> tuple[Evaluation, list[Record]]:
    """Both models' answers and their figures. `start` is when the evaluation began."""
    spec = job.spec.evaluation
    judged = spec is not None and spec.judge is not None
    if spec is not None and judged:
        during, rows = judged_rows(job, spec)
        if rows and not during and judges_checkpoints(job):
            evaluation = _with_note(
                evaluation,
                f"There were fewer than {3 * FEWEST_JUDGED_DURING} different held-out prompts, so everyEval judged no "
                "checkpoint, and all of them are for the verdict.",
            )
    else:
        rows = evaluation_rows(job, ANSWERED_PROMPTS)
    if not rows:
        note = (
            "dataset.eval holds no pairs out, so no answers are compared."
            if not job.report.eval_rows
            else "Every held-out prompt is also trained on, so no answers are compared."
        )
        return evaluation.model_copy(update={"note": note}), []
    seed = job.spec.training.seed
    settings = AnswerSettings(ANSWER_TOKENS, seed, ANSWER_SECONDS)
    if spec is not None and judged:
        left = start + ANSWER_TIME_SHARE * _seconds(spec) - time.monotonic()
        settings = AnswerSettings(JUDGED_ANSWER_TOKENS, seed, max(0.0, left))
    models = pair.get()
    before, after = answer_both(models, rows, settings, job.output / WORK_DIRECTORY)
    log.info("both models answered %d held-out prompts", len(after))
    evaluation = with_distance(with_answers(evaluation, before, after), models, rows)
    # Where the time was up, there are fewer answers than prompts.
    answers = zip(rows, before, after, strict=False)
    if judged and len(after) < len(rows):
        message = (
            f"Both models had answered {len(after)} of {len(rows)} prompts when the time for answers, two thirds of "
            "evaluation.maxDuration, ended."
        )
        evaluation = _with_note(evaluation, message)
        if len(after) < FEWEST_PROMPTS <= len(rows):
            advice = f"A verdict needs {FEWEST_PROMPTS}: raise it, or train on a faster GPU."
            evaluation = not_evaluated(evaluation, f"{message} {advice}")
    return evaluation, [Record(row["prompt"], old, new) for row, old, new in answers]


def _judge(
    job: TrainJob,
    spec: EvaluationSpec,
    judge: Judge,
    evaluation: Evaluation,
    answered: list[Record],
) -> tuple[Evaluation, list[Record]]:
    """The verdict on the answers, and these with their scores."""
    evaluation = evaluation.model_copy(update={"judge": judge.name})
    try:
        scores = judge.compare(
            [Comparison(r.prompt, r.before.text, r.after.text) for r in answered]
        )
    except Exception as error:
        # What the judge was asked before the error costs as well.
        evaluation = evaluation.model_copy(update={"judge_usage": judge.usage})
        if isinstance(error, JudgeError):
            return not_evaluated(evaluation, f"{error}."), answered
        log.warning("the judge failed; the model is complete", exc_info=True)
        return not_evaluated(evaluation, evaluation_failure(error, job.output)), answered
    judged = [
        replace(record, before_score=before, after_score=after)
        for record, (before, after) in zip(answered, scores, strict=True)
    ]
    evaluation = evaluation.model_copy(
        update={"judge_usage": judge.usage, "contradictions": judge.contradictions}
    )
    return compare(evaluation, judged, spec.require), judged


def _seconds(spec: EvaluationSpec) -> float:
    """The time for an evaluation that is asked for."""
    return parse_duration(spec.max_duration).total_seconds()
