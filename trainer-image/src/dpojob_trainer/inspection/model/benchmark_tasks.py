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

NLTK_INDEX = "https://raw.githubusercontent.com/nltk/nltk_data/gh-pages/index.xml"
"""Where nltk.download looks for its data (nltk.downloader.Downloader.DEFAULT_URL)."""
NLTK_SECONDS = 10.0
"""The longest wait for it."""
LACKS_DATA = (
    "it downloads data of NLTK from GitHub, which the inspection cannot reach ({cause}): mount them in training pods "
    "below /usr/share/nltk_data (spec.pod of the GPUPool), unless they are there"
)


def task_warnings(
    tasks: Sequence[EvaluationTask] | None, volumes: Mapping[str, Path]
) -> list[Problem]:
    """Warn of tasks that cannot be run, which does not keep the model from being trained.

    Args:
        tasks: `evaluation.tasks`; None where there are none.
        volumes: The directory at which each claim is mounted.

    Returns:
        A warning for each such task, in their order.
    """
    found = []
    data_problem: str | None = None
    asked = False
    for task in tasks or ():
        problem = _problem(task, volumes)
        if problem is not None:
            found.append(_warning(task, f"{problem}. As it is,"))
        elif task.volume is None and "nltk-data" in read_index()[task.name].needs:
            data_problem, asked = (data_problem if asked else _unreachable(NLTK_INDEX)), True
            if data_problem is not None:
                text = LACKS_DATA.format(cause=data_problem)
                found.append(_warning(task, f"{text}. Without them,"))
    return found


def _warning(task: EvaluationTask, text: str) -> Problem:
    return warning(
        ProblemCode.UNUSABLE_TASK,
        f"evaluation.tasks: {task.name}: {text} the condition Improved will stay Unknown.",
    )


def _unreachable(url: str) -> str | None:
    """Why an address does not answer, in a few words; None where it does."""
    # Importing it takes a tenth of a second, which few inspections need.
    import httpx2 as httpx

    try:
        answer = httpx.head(url, timeout=NLTK_SECONDS, follow_redirects=True)
    except (httpx.HTTPError, OSError) as error:
        return type(error).__name__
    return None if answer.is_success else f"status {answer.status_code}"


def _problem(task: EvaluationTask, volumes: Mapping[str, Path]) -> str | None:
    """What keeps a task from being run; None where nothing is known to."""
    if task.volume is None:
        index = read_index()
        if task.name in index:
            return _requirement_problem(index[task.name].needs)
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


def _requirement_problem(needs: Set[TaskRequirement]) -> str | None:
    """What a task of the harness needs and does not get; None where nothing is missing."""
    if "unsafe-code" in needs:
        return "it runs code that the model writes, which is never done here"
    if "hub-metric" in needs and not ContainerEnvironment().allow_programs:
        return (
            "it computes a metric by a program of the hub, which this installation does not allow (chart value "
            "evaluation.allowPrograms)"
        )
    return None
