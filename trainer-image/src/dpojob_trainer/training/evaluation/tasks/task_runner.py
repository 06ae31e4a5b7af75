"""All tasks of an evaluation, with both models."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from dpojob_api.evaluation import TaskResult
from dpojob_api.spec import EvaluationTask
from dpojob_trainer.inspection import is_conversational
from dpojob_trainer.shared.benchmark_tasks import index_version, task_digest
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.training.evaluation.statistics.paired_results import adjusted, paired_result
from dpojob_trainer.training.export.output_directory import replace_text
from dpojob_trainer.training.setup.errors import one_line
from dpojob_trainer.training.setup.resumable_file import ResumableFile
from dpojob_trainer.training.setup.train_job import TrainJob

from .metric_values import MetricValues, TaskError, choose_metric
from .time_limit import TimeIsUp, time_limit

log = logging.getLogger(__name__)
FILE = "evaluation-tasks.jsonl"
"""The file beside the model that holds each sample of each task with both models' values."""
ERROR_LENGTH = 300
"""Characters of an error that the status keeps."""


class Models(Protocol):
    """Two models with one tokenizer."""

    @property
    def tokenizer(self) -> Any:
        """The tokenizer."""

    @property
    def key(self) -> str:
        """Identifies both models."""

    def before(self) -> AbstractContextManager[Any]:
        """The model that training began with."""

    def after(self) -> AbstractContextManager[Any]:
        """The tuned model."""


def run_tasks(
    job: TrainJob,
    tasks: Sequence[EvaluationTask],
    pair: Models,
    deadline: float,
    directory: Path,
) -> list[TaskResult]:
    """Give the tasks to both models, and write the values of all samples.

    Raises no error: a task that fails has its reason in place of a result.

    Args:
        job: The job.
        tasks: The tasks; at least one.
        pair: Both models.
        deadline: When the last task must be complete, by `time.monotonic`.
        directory: Where what a model reached is kept, for a later attempt.

    Returns:
        A result for each task, in their order.
    """
    results, lines = [], []
    for number, task in enumerate(tasks):
        # Each gets an equal part of the time that is left.
        now = time.monotonic()
        end = now + max(0.0, deadline - now) / (len(tasks) - number)
        kept = directory / f"task-{number}.jsonl"
        try:
            result, records = _run_task(job, task, pair, end, kept)
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
    job: TrainJob, spec: EvaluationTask, pair: Models, deadline: float, path: Path
) -> tuple[TaskResult, list[dict[str, Any]]]:
    """The result and a record for each sample. What each model reached is kept in `path`."""
    chat = is_conversational(job.report) and bool(pair.tokenizer.chat_template)
    identity = [pair.key, spec.wire(), chat, index_version(), _content(job, spec)]
    kept = ResumableFile(path, identity)
    found = [[MetricValues.from_wire(value) for value in values] for values in kept.values]
    if len(found) < 2:
        # lm-eval takes seconds to import.
        from .harness import LoadedTask

        # The second model needs about as long as the first, with which the task is loaded.
        ends = ((time.monotonic() + deadline) / 2, deadline)
        task: LoadedTask | None = None
        for side, end in list(zip((pair.before, pair.after), ends, strict=True))[len(found) :]:
            try:
                with time_limit(end), side() as model:
                    task = task or LoadedTask(job, spec)
                    found.append(task.run(model, pair.tokenizer, chat=chat))
            except TimeIsUp:
                raise TaskError(
                    "it was not complete when its part of evaluation.maxDuration ended: raise that, or set a limit"
                ) from None
            kept.append([[values.wire() for values in found[-1]]])
            # A metric that the task does not have is found before the second model runs.
            choose_metric(found[0], spec.metric)
    before = choose_metric(found[0], spec.metric)
    after = choose_metric(found[1], f"{before.metric},{before.filter}")
    if before.values.keys() != after.values.keys():
        raise TaskError("its samples changed between the attempts of the job")
    values = [(before.values[sample], after.values[sample]) for sample in before.values]
    log.info("both models took %d samples of %s", len(values), spec.name)
    result = paired_result(
        spec.name,
        before.name,
        [value for value, _ in values],
        [value for _, value in values],
        higher_is_better=before.higher_is_better,
        limit=spec.limit,
    )
    return result, [
        {"task": spec.name, "part": part, "sample": number, "before": old, "after": new}
        for (part, number, _), (old, new) in zip(before.values, values, strict=True)
    ]


def _content(job: TrainJob, spec: EvaluationTask) -> str | None:
    """The digest of a task's own files; None for a task of the harness. Raises what reading them raises."""
    if spec.volume is None:
        return None
    path, root = job.path(spec.volume), job.volumes[spec.volume.claim_name]
    return task_digest(path, root, allow_code=ContainerEnvironment().allow_programs)
