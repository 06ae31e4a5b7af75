"""The tasks, groups and tags of the installed lm-eval, by name.

`hack/generators/task_index.py` writes the file. The harness itself finds them by parsing its 15,000 YAML files,
which takes 10 to 70 seconds.
"""

from __future__ import annotations

import lzma
from importlib.resources import files
from typing import Literal, NamedTuple, cast

from dpojob_api.spelling import MAX_CANDIDATES, nearest

FILE = "lm_eval_tasks.tsv.xz"
"""Its first line is the version of lm-eval; then follow kind, name, place and needs, separated by tabs."""
Kind = Literal["task", "group", "tag"]
TaskRequirement = Literal["hub-metric", "nltk-data", "unsafe-code"]
"""What a task needs beside its dataset: a metric that is a program of the hub, data of NLTK, and that what the
model writes is run."""


class IndexEntry(NamedTuple):
    """A task, a group of tasks, or a tag of tasks."""

    kind: Kind
    place: str
    """The YAML file of a task or group, relative to lm_eval/tasks; for a tag its tasks, separated by spaces."""
    needs: frozenset[TaskRequirement]
    """What it needs; for a group or a tag, what any of its tasks needs."""


def read_index() -> dict[str, IndexEntry]:
    """Read the index.

    Returns:
        The entries by name.
    """
    _, *lines = _text().splitlines()
    entries = {}
    for line in lines:
        kind, name, place, needs = line.split("\t")
        required = frozenset(cast(list[TaskRequirement], needs.split()))
        entries[name] = IndexEntry(cast(Kind, kind), place, required)
    return entries


def index_version() -> str:
    """Read the version of lm-eval that the index is of.

    Returns:
        Such as "0.4.13".
    """
    return _text().partition("\n")[0]


def nearest_task(name: str, index: dict[str, IndexEntry]) -> str | None:
    """Find the task that a misspelled name most likely stands for.

    Args:
        name: The name as it was written.
        index: All tasks.

    Returns:
        The nearest of the names with the same first letter or about the same length; None where none is
        similar enough.
    """

    def distance(candidate: str) -> tuple[bool, int]:
        return candidate[0].lower() != name[0].lower(), abs(len(candidate) - len(name))

    return nearest(name, sorted(index, key=distance)[:MAX_CANDIDATES], cutoff=0.7)


def _text() -> str:
    content = files(__package__).joinpath(FILE).read_bytes()
    return lzma.decompress(content).decode("utf-8")
