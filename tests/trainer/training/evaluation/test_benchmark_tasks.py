"""Benchmark tasks of lm-evaluation-harness, before and after a training that makes one of them worse."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
from tests.kit.tiny_models import write_task
from tests.trainer.training.conftest import MakeJob

from dpojob_api.evaluation import TaskResult
from dpojob_api.spec import EvaluationSpec
from dpojob_trainer.training import run
from dpojob_trainer.training.evaluation.evaluator import may_be_uploaded
from dpojob_trainer.training.evaluation.models import load_pair
from dpojob_trainer.training.evaluation.tasks.task_runner import run_tasks

pytestmark = pytest.mark.train
PAIRS: dict[str, Any] = {
    "columnMapping": {"prompt": "question", "chosen": "bad_response", "rejected": "good_response"},
}
"""Pairs the wrong way round: the model learns to be rude."""


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tasks")
    write_task(root)
    write_task(root, "away.yaml", dataset_path="nobody/has-this-dataset", dataset_kwargs={})
    write_task(root, "half.yaml", doc_to_text="{{question.missing.field}}")
    escape = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    write_task(root, "escape.yaml", doc_to_text=escape)
    write_task(root, "code.yaml", process_docs="placeholder")
    text = (root / "code.yaml").read_text(encoding="utf-8")
    (root / "code.yaml").write_text(
        text.replace("placeholder", "!function helpers.first"), encoding="utf-8"
    )
    (root / "helpers.py").write_text(
        "def first(docs):\n    return docs.select(range(30))\n", encoding="utf-8"
    )
    return root


def own(name: str, path: str | None = None, **fields: Any) -> dict[str, Any]:
    volume = {"claimName": "tasks", "path": path or f"{name}.yaml"}
    return {"name": name, "volume": volume, **fields}


def test_a_planted_regression_is_found(
    make_job: MakeJob, tasks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(
        spec={
            "dataset": PAIRS,
            "training": {
                "method": "lora",
                "learningRate": 5e-3,
                "arguments": {"max_steps": 10, "save_steps": 10, "eval_steps": 10},
            },
            "evaluation": {"tasks": [own("manners")], "require": {"maxTaskDrop": "0.02"}},
        },
        volumes={"tasks": tasks},
    )
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    found = outcome.evaluation
    assert found is not None and found.verdict == "TaskRegressed", found
    (task,) = found.tasks
    assert task.before is not None and task.after is not None and task.difference is not None
    assert task.metric == "acc" and task.test == "McNemar" and task.difference.n == 60
    assert task.difference.high is not None and task.difference.high < 0, task
    assert task.p_value is not None and task.p_value < 0.05
    assert "Task manners went from" in found.message and not may_be_uploaded(job, found)
    # The figures that need no judge are there as ever.
    assert found.after is not None and found.win_rate is None

    lines = (job.output / "evaluation-tasks.jsonl").read_text(encoding="utf-8").splitlines()
    samples = [json.loads(line) for line in lines]
    assert len(samples) == 60
    assert sum(sample["after"] for sample in samples) / 60 == pytest.approx(
        task.after.value, abs=1e-3
    )
    lineage = json.loads((job.output / "lineage.json").read_text(encoding="utf-8"))
    assert "evaluation-tasks.jsonl" in lineage["files"]
    report = (job.output / "report.html").read_text(encoding="utf-8")
    assert "TaskRegressed" in report and "<td>manners</td><td>acc</td>" in report
    card = (job.output / "README.md").read_text(encoding="utf-8")
    assert "model-index" in card and "| manners | acc |" in card

    # The same models again, on fewer samples, and with tasks that cannot be run.
    pair = load_pair(job)

    def again(*tasks: dict[str, Any], seconds: float = math.inf) -> dict[str, TaskResult]:
        asked = EvaluationSpec.model_validate({"tasks": list(tasks)}).tasks
        assert asked is not None
        found = run_tasks(job, asked, pair, time.monotonic() + seconds)
        return {task.name: task for task in found}

    limited = own("few", "manners.yaml", limit=20)
    results = again(limited, *map(own, ("away", "half", "escape", "code")))
    few = results["few"].difference
    assert few is not None and few.n == 20 and results["few"].limit == 20
    assert few.value == pytest.approx(
        sum(sample["after"] - sample["before"] for sample in samples[:20]) / 20, abs=1e-3
    )
    assert "nobody/has-this-dataset" in results["away"].error
    assert "no attribute 'missing'" in results["half"].error
    assert "unsafe" in results["escape"].error
    # Outside pods a file's code is the user's own.
    assert results["code"].difference is not None and results["code"].difference.n == 30

    monkeypatch.setenv("DPOJOB_SCRATCH", str(job.scratch))
    unknown = own("unknown", "manners.yaml", metric="acc_norm")
    assert "evaluation.allowPrograms" in again(own("code"))["code"].error
    assert "those that have: acc" in again(unknown)["unknown"].error
    assert "maxDuration" in again(own("manners"), seconds=0)["manners"].error
