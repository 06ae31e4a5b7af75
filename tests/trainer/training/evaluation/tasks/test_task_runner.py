"""Benchmark tasks of lm-evaluation-harness, before and after a training that makes one of them worse."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
from tests.kit.hub.server import Hub
from tests.kit.tiny_models import TASK_SAMPLES, write_task
from tests.kit.training.tiny_job import build_job

from dpojob_api.evaluation import TaskResult
from dpojob_api.progress import Outcome
from dpojob_api.spec import EvaluationSpec
from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.evaluation.evaluator import may_be_uploaded
from dpojob_trainer.training.evaluation.models import ModelPair, load_pair
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
    write_task(root, "hub.yaml", dataset_path="some-org/manners", dataset_kwargs={})
    write_task(root, "half.yaml", doc_to_text="{{question.missing.field}}")
    escape = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    write_task(root, "escape.yaml", doc_to_text=escape)
    write_task(root, "code.yaml", process_docs="placeholder")
    text = (root / "code.yaml").read_text(encoding="utf-8")
    (root / "code.yaml").write_text(
        text.replace("placeholder", "!function helpers.first"), encoding="utf-8"
    )
    (root / "slow.yaml").write_text(
        text.replace("placeholder", "!function helpers.wait"), encoding="utf-8"
    )
    (root / "helpers.py").write_text(
        "import time\n\ndef first(docs):\n    return docs.select(range(4))\n\n"
        "def wait(docs):\n    time.sleep(600)\n",
        encoding="utf-8",
    )
    return root


def own(name: str, path: str | None = None, **fields: Any) -> dict[str, Any]:
    volume = {"claimName": "tasks", "path": path or f"{name}.yaml"}
    return {"name": name, "volume": volume, **fields}


@dataclass
class Finished:
    """A job whose training made its task worse."""

    job: TrainJob
    outcome: Outcome
    pair: ModelPair
    """Both models of it."""

    def take(
        self, *tasks: dict[str, Any], pair: Any = None, seconds: float = 3600.0, kept: str
    ) -> dict[str, TaskResult]:
        """The results of other tasks. `kept` names the directory of what a later attempt continues with."""
        asked = EvaluationSpec.model_validate({"tasks": list(tasks)}).tasks
        assert asked is not None
        deadline, directory = time.monotonic() + seconds, self.job.scratch / kept
        found = run_tasks(self.job, asked, pair or self.pair, deadline, directory)
        return {task.name: task for task in found}


@pytest.fixture(scope="module")
def finished(inputs: Path, tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    job = build_job(
        inputs,
        tmp_path_factory.mktemp("finished"),
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
    return Finished(job, outcome, load_pair(job))


def samples_of(job: TrainJob) -> list[dict[str, Any]]:
    lines = (job.output / "evaluation-tasks.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_a_planted_regression_is_found(finished: Finished) -> None:
    job, found = finished.job, finished.outcome.evaluation
    assert found is not None and found.verdict == "TaskRegressed", found
    (task,) = found.tasks
    assert task.before is not None and task.after is not None and task.difference is not None
    assert task.metric == "acc" and task.test == "McNemar" and task.difference.n == TASK_SAMPLES
    assert task.difference.high is not None and task.difference.high < 0, task
    assert task.p_value is not None and task.p_value < 0.05
    assert "Task manners went from" in found.message and not may_be_uploaded(job, found)
    # The figures that need no judge are there as ever.
    assert found.after is not None and found.win_rate is None
    lineage = json.loads((job.output / "lineage.json").read_text(encoding="utf-8"))
    assert "evaluation-tasks.jsonl" in lineage["files"]
    report = (job.output / "report.html").read_text(encoding="utf-8")
    assert "TaskRegressed" in report and "<td>manners</td><td>acc</td>" in report
    card = (job.output / "README.md").read_text(encoding="utf-8")
    assert "model-index" in card and "| manners | acc |" in card


def test_tasks_that_cannot_be_run_leave_the_others_their_results(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = own("few", "manners.yaml", limit=4)
    results = finished.take(limited, *map(own, ("half", "escape", "code")), kept="several")
    few = results["few"].difference
    assert few is not None and few.n == results["few"].limit == 4
    samples = [sample for sample in samples_of(finished.job) if sample["task"] == "few"]
    assert len(samples) == 4 and few.value == pytest.approx(
        sum(sample["after"] - sample["before"] for sample in samples) / 4, abs=1e-3
    )
    assert "no attribute 'missing'" in results["half"].error
    assert "unsafe" in results["escape"].error
    # Outside pods a file's code is the user's own.
    assert results["code"].difference is not None and results["code"].difference.n == 4

    monkeypatch.setenv("DPOJOB_SCRATCH", str(finished.job.scratch))
    unknown = own("unknown", "manners.yaml", metric="acc_norm", limit=4)
    refused = finished.take(own("code"), unknown, kept="refused")
    assert "evaluation.allowPrograms" in refused["code"].error
    assert "those that have: acc" in refused["unknown"].error
    late = finished.take(own("manners"), seconds=0, kept="late")
    assert "maxDuration" in late["manners"].error
    monkeypatch.delenv("DPOJOB_SCRATCH")
    endless = finished.take(own("slow"), seconds=0.5, kept="slow")
    assert "maxDuration" in endless["slow"].error


class Stop(BaseException):
    """The pod ends."""


@dataclass
class Interrupted:
    """Both models, of which each may be taken or not."""

    pair: ModelPair
    taken: list[str]
    ends_at: str | None

    @property
    def tokenizer(self) -> Any:
        return self.pair.tokenizer

    @property
    def key(self) -> str:
        return self.pair.key

    def before(self) -> Any:
        return self._take("before", self.pair.before)

    def after(self) -> Any:
        return self._take("after", self.pair.after)

    @contextmanager
    def _take(self, name: str, side: Callable[[], Any]) -> Iterator[Any]:
        if name == self.ends_at:
            raise Stop
        self.taken.append(name)
        with side() as model:
            yield model


def test_an_interrupted_task_continues_with_the_model_that_was_missing(finished: Finished) -> None:
    task = own("few", "manners.yaml", limit=4)
    straight = finished.take(task, kept="straight")["few"]
    taken: list[str] = []
    with pytest.raises(Stop):
        finished.take(task, pair=Interrupted(finished.pair, taken, "after"), kept="resumed")
    resumed = finished.take(task, pair=Interrupted(finished.pair, taken, None), kept="resumed")
    assert taken == ["before", "after"] and resumed["few"] == straight
    # A task with both results asks neither model; other weights or another number of samples do.
    again = finished.take(task, pair=Interrupted(finished.pair, taken, "before"), kept="resumed")
    assert again["few"] == straight
    with pytest.raises(Stop):
        others = replace(finished.pair, key="other weights")
        finished.take(task, pair=Interrupted(others, taken, "before"), kept="resumed")
    with pytest.raises(Stop):
        other = own("few", "manners.yaml", limit=3)
        finished.take(other, pair=Interrupted(finished.pair, taken, "before"), kept="resumed")


def test_a_task_whose_file_changed_is_taken_again(finished: Finished, tasks: Path) -> None:
    write_task(tasks, "changing.yaml")
    task = own("changing", limit=4)
    finished.take(task, kept="changing")
    again = Interrupted(finished.pair, [], "before")
    assert finished.take(task, pair=again, kept="changing")["changing"].difference is not None
    write_task(tasks, "changing.yaml", description="Be kind.")
    with pytest.raises(Stop):
        finished.take(task, pair=again, kept="changing")


def test_the_dataset_of_a_task_comes_from_the_mirror_of_the_hub(
    finished: Finished, tasks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    directory = tmp_path / "dataset"
    directory.mkdir()
    (directory / "test.jsonl").write_bytes((tasks / "manners.jsonl").read_bytes())
    asked = own("hub", limit=4)
    with Hub() as hub:
        for name, value in hub.env().items():
            monkeypatch.setenv(name, value)
        # The library reads the variable when it is imported, which in a pod is later.
        monkeypatch.setattr(datasets.config, "HF_ENDPOINT", hub.url)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
        missing = finished.take(asked, kept="missing")["hub"]
        assert "some-org/manners" in missing.error and missing.difference is None
        hub.add_dataset("some-org/manners", directory)
        result = finished.take(asked, kept="mirror")["hub"]
    assert result.difference is not None and result.difference.n == 4, result.error
    local = finished.take(own("hub", "manners.yaml", limit=4), kept="local")["hub"]
    assert result == local
