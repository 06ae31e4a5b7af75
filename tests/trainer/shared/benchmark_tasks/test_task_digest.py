"""The digest changes with whatever a task's results depend on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.kit.tiny_models import write_task

from dpojob_trainer.shared.benchmark_tasks import TaskFileError, task_digest

Change = Callable[[Path], object]


def append(name: str, text: str) -> Change:
    def change(root: Path) -> None:
        with (root / name).open("a") as file:
            file.write(text)

    return change


@pytest.mark.parametrize(
    ("change", "allow_code", "differs"),
    [
        (append("tasks/manners.yaml", "# a comment\n"), False, False),
        (append("tasks/manners.yaml", "description: Be kind.\n"), False, True),
        (append("tasks/base.yaml", "num_fewshot: 2\n"), False, True),
        (append("tasks/manners.jsonl", "\n"), False, True),
        (append("tasks/helpers.py", "pass\n"), False, False),
        (append("tasks/helpers.py", "pass\n"), True, True),
        (append("tasks/other.jsonl", "\n"), True, False),
        (append("shared/scores.py", "pass\n"), True, True),
        (append("shared/parts/words.py", "pass\n"), True, True),
        (append("tasks/parts/words.py", "pass\n"), True, True),
        (append("shared/scores.py", "pass\n"), False, False),
        (append("elsewhere/scores.py", "pass\n"), True, False),
    ],
)
def test_it_changes_with_the_file_what_it_includes_its_data_and_its_code(
    tmp_path: Path, change: Change, allow_code: bool, differs: bool
) -> None:
    tasks = tmp_path / "tasks"
    for name in ("tasks/parts", "shared/parts", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    write_task(tasks, include=["base.yaml", "../shared/more.yaml"])
    (tasks / "base.yaml").write_text("repeats: 1\n")
    (tmp_path / "shared/more.yaml").write_text("should_decontaminate: false\n")
    (tasks / "helpers.py").write_text("pass\n")
    path = tasks / "manners.yaml"
    before = task_digest(path, tmp_path, allow_code=allow_code)
    assert before == task_digest(path, tmp_path, allow_code=allow_code)
    change(tmp_path)
    assert (task_digest(path, tmp_path, allow_code=allow_code) != before) is differs


def test_a_file_that_may_not_be_run_has_none(tmp_path: Path) -> None:
    write_task(tmp_path, process_docs="helpers.first")
    with pytest.raises(TaskFileError, match="process_docs"):
        task_digest(tmp_path / "manners.yaml", tmp_path, allow_code=False)
