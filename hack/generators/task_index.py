#!/usr/bin/env python3
"""Writes the index of lm-eval's tasks that the trainer and the inspection read.

Not part of `make generate`: the harness parses 15,000 files, for up to a minute. Run it after `hack/lock` has
changed the version of lm-eval; a test compares the versions.
"""

from __future__ import annotations

import lzma
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lm_eval.tasks
from task_requirements import read_task, task_requirements

from dpojob_trainer.shared.benchmark_tasks import TaskRequirement, task_index

KINDS = {"TASK": "task", "PY_TASK": "task", "GROUP": "group", "TAG": "tag"}
PATH = Path(task_index.__file__).with_name(task_index.FILE)


def main() -> None:
    """Write the file."""
    tasks = Path(lm_eval.tasks.__file__).parent
    entries = lm_eval.tasks.TaskManager().task_index
    needed = Requirements(entries)
    lines = [version("lm-eval")]
    for name, entry in sorted(entries.items()):
        file = entry.yaml_path
        place = " ".join(sorted(entry.tags)) if file is None else file.relative_to(tasks).as_posix()
        requirements = " ".join(sorted(needed.of(name)))
        lines.append(f"{KINDS[entry.kind.name]}\t{name}\t{place}\t{requirements}")
    text = "".join(f"{line}\n" for line in lines)
    PATH.write_bytes(lzma.compress(text.encode(), preset=9))
    print(f"{PATH.name}: {len(lines) - 1} names of lm-eval {lines[0]}")


class Requirements:
    """What tasks, groups and tags need; a group or tag needs what any of its tasks does."""

    def __init__(self, entries: Mapping[str, Any]) -> None:
        """The harness's own index."""
        import lm_eval.api.metrics  # It registers them.
        from lm_eval.api.registry import metric_registry

        assert lm_eval.api.metrics
        self._entries = entries
        self._metrics = frozenset(metric_registry.keys())
        self._found: dict[str, set[TaskRequirement]] = {}

    def of(self, name: str) -> set[TaskRequirement]:
        """What the task, group or tag of that name needs; empty where the index has no such name."""
        entry = self._entries.get(name)
        if entry is None:
            return set()
        if name not in self._found:
            self._found[name] = set()  # A group that holds itself finds this, and ends.
            if entry.yaml_path is None:
                self._found[name] = self._of_members(sorted(entry.tags))
            else:
                fields = read_task(entry.yaml_path)
                members = fields.get("task")
                self._found[name] = task_requirements(fields, self._metrics)
                if isinstance(members, list):
                    self._found[name] |= self._of_members(members)
        return self._found[name]

    def _of_members(self, members: Sequence[Any]) -> set[TaskRequirement]:
        found: set[TaskRequirement] = set()
        for member in members:
            name = member.get("task") if isinstance(member, dict) else member
            found |= self._of_members(name) if isinstance(name, list) else self.of(str(name))
        return found


if __name__ == "__main__":
    main()
