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


def test_a_task_of_the_harness_that_needs_more_than_its_dataset_is_named(
    volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, unsafe = warnings_of(volume, {"name": "squadv2"}, {"name": "mbpp"})
    assert "squadv2: it computes a metric by a program of the hub" in program
    assert "evaluation.allowPrograms" in program and "Improved will stay Unknown" in program
    assert "mbpp: it runs code that the model writes" in unsafe
    monkeypatch.setenv("DPOJOB_ALLOW_PROGRAMS", "true")
    assert warnings_of(volume, {"name": "squadv2"}) == []


def test_data_beside_the_hub_are_named_where_a_mirror_takes_its_place(
    volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [{"name": "ifeval"}, {"name": "leaderboard"}, {"name": "mmlu"}]
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert warnings_of(volume, *tasks) == []
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.internal")
    for message, name in zip(warnings_of(volume, *tasks), ("ifeval", "leaderboard"), strict=True):
        assert f"{name}: it downloads data of NLTK" in message and "Without it" in message


def test_a_missing_file_and_a_missing_claim_are_warnings(volume) -> None:
    (message,) = warnings_of(volume, own("none.yaml"))
    assert "none.yaml: No such file" in message
    (message,) = warnings_of(volume, own("none.yaml", claim="elsewhere"))
    assert "claim elsewhere is not mounted" in message
