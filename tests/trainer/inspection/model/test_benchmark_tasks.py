"""Tasks of evaluation.tasks are looked at before a GPU is asked for; they never fail the job."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.tiny_models import write_task

ROWS = [{"prompt": f"q {n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(30)]


def warnings_of(volume: Any, *tasks: dict[str, Any]) -> list[str]:
    report = volume.rows(ROWS).inspect(None, evaluation={"tasks": list(tasks)})
    assert report.valid
    return [p.message for p in report.warnings if str(p.code) == "UnusableTask"]


def own(path: str, claim: str = "data") -> dict[str, Any]:
    return {"name": "mine", "volume": {"claimName": claim, "path": path}}


def test_tasks_that_exist_pass(volume) -> None:
    write_task(volume.root)
    assert warnings_of(volume, {"name": "ifeval"}, {"name": "mmlu"}, own("manners.yaml")) == []


def test_a_task_that_does_not_exist_is_named_with_the_nearest(volume) -> None:
    first, second = warnings_of(volume, {"name": "ifevl"}, {"name": "zzzzzz"})
    assert "ifevl" in first and "did you mean ifeval?" in first and "Improved" in first
    assert "did you mean" not in second and "name its volume" in second


def test_code_in_a_file_is_for_pods_of_installations_that_allow_it(
    volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_task(volume.root, process_docs="helpers.first")
    (message,) = warnings_of(volume, own("manners.yaml"))
    assert "process_docs" in message and "evaluation.allowPrograms" in message
    monkeypatch.setenv("DPOJOB_ALLOW_PROGRAMS", "true")
    assert warnings_of(volume, own("manners.yaml")) == []
    monkeypatch.delenv("DPOJOB_ALLOW_PROGRAMS")
    monkeypatch.delenv("DPOJOB_SCRATCH")
    assert warnings_of(volume, own("manners.yaml")) == []


def test_a_missing_file_and_a_missing_claim_are_warnings(volume) -> None:
    (message,) = warnings_of(volume, own("none.yaml"))
    assert "none.yaml: No such file" in message
    (message,) = warnings_of(volume, own("none.yaml", claim="elsewhere"))
    assert "claim elsewhere is not mounted" in message
