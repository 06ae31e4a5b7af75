"""All tasks of an evaluation, with both models."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from dpojob_api.evaluation import TaskResult
from dpojob_api.spec import EvaluationTask
from dpojob_trainer.inspection import is_conversational
from dpojob_trainer.training.evaluation.statistics.paired_results import adjusted, paired_result
from dpojob_trainer.training.export.output_directory import replace_text
from dpojob_trainer.training.setup.errors import one_line
from dpojob_trainer.training.setup.train_job import TrainJob

log = logging.getLogger(__name__)
FILE = "evaluation-tasks.jsonl"
"""Beside the model: each sample of each task with both models' values."""
ERROR_LENGTH = 300
"""Characters of an error that the status keeps."""


class Models(Protocol):
    """Two models with one tokenizer."""

    @property
    def tokenizer(self) -> Any:
        """The tokenizer."""

    def before(self) -> AbstractContextManager[Any]:
        """The model that training began with."""

    def after(self) -> AbstractContextManager[Any]:
        """The tuned model."""


def run_tasks(
    job: TrainJob, tasks: Sequence[EvaluationTask], pair: Models, deadline: float
) -> list[TaskResult]:
    """Give the tasks to both models, and write the values of all samples.

    Raises no error: a task that fails has its reason in place of a result.

    Args:
        job: The job.
        tasks: The tasks; at least one.
        pair: Both models.
        deadline: When the last task must be complete, by `time.monotonic`.

    Returns:
        A result for each task, in their order.
    """
    results, lines = [], []
    for number, task in enumerate(tasks):
        # Each gets an equal part of the time that is left.
        now = time.monotonic()
        end = now + max(0.0, deadline - now) / (len(tasks) - number)
        try:
            result, records = _run_task(job, task, pair, end)
        except Exception as error:
            log.warning("the task %s failed; the model is complete", task.name, exc_info=True)
            message = one_line(error)[:ERROR_LENGTH] or type(error).__name__
            result, records = TaskResult(name=task.name, limit=task.limit, error=message), []
        results.append(result)
        lines += [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    if lines:
        replace_text(job.output / FILE, "".join(lines))
    return adjusted(results)


def _run_task(
    job: TrainJob, spec: EvaluationTask, pair: Models, deadline: float
) -> tuple[TaskResult, list[dict[str, Any]]]:
    """The result and a record for each sample."""
    # lm-eval takes seconds to import.
    from .harness import LoadedTask, choose_metric

    task = LoadedTask(job, spec)
    chat = is_conversational(job.report) and bool(pair.tokenizer.chat_template)
    with pair.before() as model:
        # The second model needs about as long as the first.
        half = (time.monotonic() + deadline) / 2
        first = task.run(model, pair.tokenizer, chat=chat, deadline=half)
    metric = choose_metric(first, spec.metric)
    with pair.after() as model:
        second = task.run(model, pair.tokenizer, chat=chat, deadline=deadline)
    before, after = first[metric], second[metric]
    values = [(float(before[sample]), float(after[sample])) for sample in before]
    log.info("both models took %d samples of %s", len(values), spec.name)
    result = paired_result(
        spec.name,
        metric[0] if metric[1] == "none" else ",".join(metric),
        [value for value, _ in values],
        [value for _, value in values],
        higher_is_better=task.higher_is_better(metric[0]),
        limit=spec.limit,
    )
    return result, [
        {"task": spec.name, "part": part, "sample": number, "before": old, "after": new}
        for (part, number, _), (old, new) in zip(before, values, strict=True)
    ]
