"""An evaluation that ends its container, as where main memory runs out, does not cost the finished model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.kit.training.tiny_job import MakeJob

from dpojob_api.evaluation import Evaluation
from dpojob_api.progress import Artifacts, Outcome
from dpojob_trainer.training import TrainJob
from dpojob_trainer.training.evaluation import evaluator
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.launch import session
from dpojob_trainer.training.setup.errors import Interrupted
from dpojob_trainer.training.setup.progress import ProgressRecorder

FINISHED = Outcome(
    outcome="Succeeded", reason="Completed", artifacts=Artifacts(claim_name="outputs", path="out")
)
JUDGED = {"judge": {"program": {"volume": {"claimName": "inputs", "path": "rule.py"}}}}


class Killed(BaseException):
    """The container ends."""


@pytest.fixture
def finished(make_job: MakeJob, request: pytest.FixtureRequest) -> TrainJob:
    """A job whose model is complete in its output directory."""
    job = make_job(spec=getattr(request, "param", {"evaluation": JUDGED}))
    job.output.mkdir(parents=True)
    (job.output / "config.json").write_text("{}")
    output_directory.write_lineage(job.output, job, FINISHED)
    return job


def attempt(job: TrainJob) -> Outcome:
    """The next container's evaluation of the finished model."""
    outcome = output_directory.prepare(job)
    assert outcome is not None
    return evaluator.evaluate_run(job, ProgressRecorder(), outcome)


def raises(error: BaseException) -> Any:
    def evaluate(*_: Any) -> Any:
        raise error

    return evaluate


@pytest.mark.parametrize(
    ("finished", "kills", "verdict"),
    [
        ({"evaluation": JUDGED}, 2, "NotEvaluated"),
        # Only one failed pod is followed by another one.
        ({"evaluation": JUDGED, "backoffLimit": 1}, 1, "NotEvaluated"),
        ({}, 2, None),
    ],
    indirect=["finished"],
)
def test_an_evaluation_that_ends_the_container_is_given_up(
    finished: TrainJob, kills: int, verdict: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluator, "evaluate", raises(Killed()))
    for _ in range(kills):
        with pytest.raises(Killed):
            attempt(finished)
    outcome = attempt(finished)
    assert outcome.outcome == "Succeeded" and outcome.evaluation is not None
    found = outcome.evaluation
    assert found.verdict == verdict
    times = "1 time," if kills == 1 else "2 times,"
    assert f"ended the training container {times}" in (found.message if verdict else found.note)
    assert output_directory.prepare(finished) == outcome
    assert not (finished.output / ".evaluation").exists()


def test_one_that_a_signal_stops_is_continued_as_often_as_needed(
    finished: TrainJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluator, "evaluate", raises(Interrupted()))
    for _ in range(4):
        with pytest.raises(Interrupted):
            attempt(finished)
    monkeypatch.setattr(evaluator, "evaluate", lambda *_: (Evaluation(prompts=3), []))
    assert attempt(finished).evaluation == Evaluation(prompts=3)


@pytest.mark.parametrize("rank", [None, "0"])
def test_a_container_that_is_killed_meanwhile_has_said_that_the_model_is_complete(
    finished: TrainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str | None
) -> None:
    log = tmp_path / "termination-log"
    monkeypatch.setenv("DPOJOB_SCRATCH", str(finished.scratch))
    monkeypatch.setenv("DPOJOB_TERMINATION_LOG", str(log))
    outcomes = [log]
    if rank is not None:
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("DPOJOB_OUTCOMES", str(tmp_path))
        outcomes.append(tmp_path / "0.json")
    monkeypatch.setattr(evaluator, "evaluate", raises(Killed()))
    with pytest.raises(Killed):
        session._evaluate(session.RunState(finished, ProgressRecorder()), FINISHED)
    for path in outcomes:
        message = json.loads(path.read_text())
        assert (message["outcome"], message["reason"]) == ("Interrupted", "Stopped")
        assert message["artifacts"]["claimName"] == "outputs"
        assert message["message"].startswith("Killed after training; the model is complete")
