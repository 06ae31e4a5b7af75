"""The index of lm-eval's tasks, without lm-eval."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from dpojob_trainer.shared.benchmark_tasks import index_version, nearest_task, read_index


def test_the_index_is_of_the_version_that_is_installed() -> None:
    # hack/generators/task_index.py writes it again.
    assert index_version() == version("lm-eval")


def test_files_and_tags_of_the_index_are_there() -> None:
    index = read_index()
    spec = find_spec("lm_eval")
    assert spec is not None and spec.origin is not None
    tasks = Path(spec.origin).parent / "tasks"
    for name in ("ifeval", "hellaswag", "mmlu", "gsm8k"):
        assert (tasks / index[name].place).is_file()
    tag = next(entry for entry in index.values() if entry.kind == "tag")
    assert {index[name].kind for name in tag.place.split()} == {"task"}


@pytest.mark.parametrize(
    ("name", "needs"),
    [
        ("hellaswag", set()),
        ("mmlu", set()),
        ("ifeval", {"nltk-data"}),
        # A group, of which one task is.
        ("leaderboard", {"nltk-data"}),
        ("mbpp", {"hub-metric", "unsafe-code"}),
        # A metric that the YAML file names.
        ("polemo2_in", {"hub-metric"}),
        # One that the Python class of the task loads.
        ("squadv2", {"hub-metric"}),
        # Only other tasks of the same Python file load one.
        ("xnli_ca", set()),
    ],
)
def test_what_a_task_needs_beside_its_dataset(name: str, needs: set[str]) -> None:
    assert read_index()[name].needs == needs


@pytest.mark.parametrize(
    ("written", "meant"),
    [("ifevl", "ifeval"), ("IFEval", "ifeval"), ("arc_chalenge", "arc_challenge"), ("zzzz", None)],
)
def test_the_nearest_name(written: str, meant: str | None) -> None:
    assert nearest_task(written, read_index()) == meant
