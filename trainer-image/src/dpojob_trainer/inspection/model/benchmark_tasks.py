"""Whether the tasks of `evaluation.tasks` exist, and may be run by this installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dpojob_api.report import Problem, ProblemCode
from dpojob_api.spec import EvaluationTask
from dpojob_trainer.shared.benchmark_tasks import (
    TaskFileError,
    nearest_task,
    read_index,
    read_task_file,
)
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.problem_text import warning


def task_warnings(
    tasks: Sequence[EvaluationTask] | None, volumes: Mapping[str, Path]
) -> list[Problem]:
    """Warn of tasks that cannot be run; the model is trained all the same.

    Args:
        tasks: `evaluation.tasks`; None where there are none.
        volumes: The directory at which each claim is mounted.

    Returns:
        A warning for each such task, in their order.
    """
    return [
        warning(
            ProblemCode.UNUSABLE_TASK,
            f"evaluation.tasks: {task.name}: {fault}. As it is, the condition Improved will stay Unknown.",
        )
        for task in tasks or ()
        if (fault := _fault(task, volumes)) is not None
    ]


def _fault(task: EvaluationTask, volumes: Mapping[str, Path]) -> str | None:
    """What keeps a task from being run; None where nothing is known to."""
    if task.volume is None:
        index = read_index()
        if task.name in index:
            return None
        near = nearest_task(task.name, index)
        meant = f"; did you mean {near}?" if near else ""
        return f"lm-evaluation-harness has no task of this name{meant} For a task of yours, name its volume"
    root = volumes.get(task.volume.claim_name)
    if root is None:
        return f"claim {task.volume.claim_name} is not mounted"
    allow_code = ContainerEnvironment().allow_programs
    try:
        read_task_file(root / task.volume.path, root, allow_code=allow_code)
    except TaskFileError as error:
        return str(error)
    return None
