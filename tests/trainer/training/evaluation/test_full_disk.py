"""A disk that becomes full during an evaluation costs the verdict or its files, and never the model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.kit.training import full_disk
from tests.kit.training.tiny_job import MakeJob, finish

from dpojob_api.evaluation import Evaluation
from dpojob_api.progress import Outcome
from dpojob_trainer.training import TrainJob
from dpojob_trainer.training.evaluation import evaluator
from dpojob_trainer.training.evaluation.answers import Answer
from dpojob_trainer.training.evaluation.records import Record
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.resumable_file import ResumableFile

JUDGED = {"judge": {"program": {"volume": {"claimName": "inputs", "path": "rule.py"}}}}
FINISHED = Outcome(outcome="Succeeded", reason="Completed")
VERDICT = Evaluation(verdict="BetterThanBase", message="It wins 70%.")
FillDisk = Callable[[Callable[[Path], bool]], None]
RECORDS = [Record("Where?", Answer("Here", 1, True, 0.0), Answer("There", 1, True, 0.0))]


@pytest.fixture
def finished(make_job: MakeJob) -> TrainJob:
    """A job whose model is complete in its output directory."""
    return finish(make_job(spec={"evaluation": JUDGED}), FINISHED)


@pytest.fixture
def fill_disk(monkeypatch: pytest.MonkeyPatch) -> FillDisk:
    return partial(full_disk.fill_disk, monkeypatch)


def evaluated(job: TrainJob) -> Outcome:
    outcome = evaluator.evaluate_run(job, ProgressRecorder(), FINISHED)
    assert outcome.outcome == "Succeeded" and (job.output / "config.json").exists()
    assert not [path.name for path in job.output.iterdir() if path.name.startswith(".")]
    return outcome


@pytest.mark.parametrize("name", ["starts", "before.jsonl"])
def test_a_disk_that_is_full_during_the_evaluation_leaves_no_verdict(
    finished: TrainJob,
    fill_disk: FillDisk,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    def load(*_: Any) -> Any:
        ResumableFile(finished.output / ".evaluation" / "before.jsonl", "models").append(["answer"])

    monkeypatch.setattr(evaluator, "_answer", load)
    fill_disk(lambda path: path.name == name)
    found = evaluated(finished).evaluation
    assert found is not None and found.verdict == "NotEvaluated"
    assert "No space was left for the evaluation on a volume of the training pod" in found.message
    assert "dpojob evaluate" in found.message and "MiB of" in found.message
    # It is the end of the evaluation, also for a pod that only repeats an upload.
    kept = output_directory.prepare(finished)
    assert kept is not None and kept.evaluation == found


def test_what_is_kept_for_later_attempts_makes_room_for_the_files(
    finished: TrainJob,
    fill_disk: FillDisk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluator, "evaluate", lambda *_: (VERDICT, RECORDS))
    work = finished.output / ".evaluation"
    fill_disk(lambda path: path.parent == finished.output and work.exists())
    assert evaluated(finished).evaluation == VERDICT
    assert (finished.output / "evaluation.jsonl").exists()


def test_a_verdict_stands_whose_files_cannot_be_written(
    finished: TrainJob,
    fill_disk: FillDisk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluator, "evaluate", lambda *_: (VERDICT, RECORDS))
    fill_disk(lambda path: path.parent == finished.output)
    found = evaluated(finished).evaluation
    assert found is not None and (found.verdict, found.message) == (
        VERDICT.verdict,
        VERDICT.message,
    )
    assert found.note.startswith("Files beside the model are missing. No space was left")
    alone = evaluator.evaluate_alone(finished)
    assert alone.verdict == VERDICT.verdict and "evaluation.jsonl is missing" in alone.note
