"""Whether the tasks of `evaluation.tasks` exist, and may be run by this installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path

from dpojob_api.report import Problem, ProblemCode
from dpojob_api.spec import EvaluationTask
from dpojob_trainer.shared.benchmark_tasks import (
    TaskFileError,
    TaskRequirement,
    nearest_task,
    read_index,
    read_task_file,
)
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.problem_text import warning

LACKS_DATA = (
    "it downloads data of NLTK from GitHub, which an installation with a mirror of the hub may not reach: if so, mount "
    "them in training pods below /usr/share/nltk_data (spec.pod of the GPUPool)"
)


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
    found = []
    for task in tasks or ():
        fault = _fault(task, volumes)
        if fault is not None:
            found.append(_warning(task, f"{fault}. As it is,"))
        elif task.volume is None and _may_lack_data(task):
            found.append(_warning(task, f"{LACKS_DATA}. Without it,"))
    return found


def _warning(task: EvaluationTask, text: str) -> Problem:
    return warning(
        ProblemCode.UNUSABLE_TASK,
        f"evaluation.tasks: {task.name}: {text} the condition Improved will stay Unknown.",
    )


def _may_lack_data(task: EvaluationTask) -> bool:
    """Whether a task of the harness needs data of NLTK where the training pod may not reach them."""
    mirrored = ContainerEnvironment().hub_endpoint is not None
    return mirrored and "nltk-data" in read_index()[task.name].needs


def _fault(task: EvaluationTask, volumes: Mapping[str, Path]) -> str | None:
    """What keeps a task from being run; None where nothing is known to."""
    if task.volume is None:
        index = read_index()
        if task.name in index:
            return _requirement_fault(index[task.name].needs)
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


def _requirement_fault(needs: Set[TaskRequirement]) -> str | None:
    """What a task of the harness needs and does not get; None where it gets all."""
    if "unsafe-code" in needs:
        return "it runs code that the model writes, which is never done here"
    if "hub-metric" in needs and not ContainerEnvironment().allow_programs:
        return (
            "it computes a metric by a program of the hub, which this installation does not allow (chart value "
            "evaluation.allowPrograms)"
        )
    return None
