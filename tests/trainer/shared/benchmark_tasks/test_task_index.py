"""The index of lm-eval's tasks, without lm-eval."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from dpojob_trainer.shared.benchmark_tasks import index_version, nearest_task, read_index


def test_the_index_is_of_the_version_that_is_installed() -> None:
    # hack/generate-task-index writes it again.
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
    ("written", "meant"),
    [("ifevl", "ifeval"), ("IFEval", "ifeval"), ("arc_chalenge", "arc_challenge"), ("zzzz", None)],
)
def test_the_nearest_name(written: str, meant: str | None) -> None:
    assert nearest_task(written, read_index()) == meant
