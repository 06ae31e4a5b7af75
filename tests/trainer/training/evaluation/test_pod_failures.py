"""An evaluation that ends its container, as where main memory runs out, does not cost the finished model."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.kit.judge_endpoint import judge_endpoint
from tests.kit.training.tiny_job import MakeJob, finish

from dpojob_api.evaluation import Evaluation
from dpojob_api.progress import Artifacts, Outcome
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.training import TrainJob
from dpojob_trainer.training.evaluation import evaluator
from dpojob_trainer.training.evaluation.answers import Answer
from dpojob_trainer.training.evaluation.judges.endpoint_client import Reply
from dpojob_trainer.training.evaluation.judges.kept_replies import KeptReplies
from dpojob_trainer.training.evaluation.pod_failures import FailedPods
from dpojob_trainer.training.evaluation.records import Record
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.launch import container, session
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
    return finish(make_job(spec=getattr(request, "param", {"evaluation": JUDGED})), FINISHED)


def evaluated(job: TrainJob) -> Outcome:
    """The evaluation of the finished model."""
    outcome = output_directory.prepare(job)
    assert outcome is not None
    return evaluator.evaluate_run(job, ProgressRecorder(), outcome)


def answer(text: str) -> Answer:
    return Answer(text, 1, True, 0.0)


def attempt(job: TrainJob) -> Outcome:
    """The next container's evaluation of the finished model."""
    FailedPods(job.output / ".evaluation", job.attempt).start(0)
    return evaluated(job)


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


def test_what_training_used_of_the_retries_is_not_left_for_the_evaluation(
    finished: TrainJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    """backoffLimit 3 allows four pods. Two of them failed in training, so that the fourth one is the last."""
    environment = ContainerEnvironment({"DPOJOB_SCRATCH": str(finished.scratch)})
    monkeypatch.setattr(evaluator, "evaluate", raises(Killed()))
    monkeypatch.setattr(container, "_run_or_launch", lambda *_: evaluated(finished))
    ends: list[Any] = [
        lambda *_: Outcome(outcome="Failed", reason="TrainingFailed"),
        raises(Killed()),
        # These are free.
        lambda *_: Outcome(outcome="Interrupted", reason="Stopped"),
        raises(SystemExit(12)),
    ]
    for end in ends:
        with monkeypatch.context() as patch, suppress(Killed, SystemExit):
            patch.setattr(container, "_run_or_launch", end)
            container._run_counted(finished, environment)
    with pytest.raises(Killed):
        container._run_counted(finished, environment)
    outcome = container._run_counted(finished, environment)
    assert outcome.evaluation is not None and outcome.evaluation.verdict == "NotEvaluated"
    assert "ended the training container 1 time," in outcome.evaluation.message
    assert not (finished.output / ".evaluation").exists()


def test_pods_of_each_node_and_of_this_attempt_count(tmp_path: Path) -> None:
    directory = tmp_path / ".evaluation"
    first, second = (FailedPods(directory, attempt) for attempt in (1, 2))
    for node in (0, 1, 1, 0, 0):
        first.start(node)
    assert (first.before(), second.before()) == (3, 0), "one pod of each node runs now"
    first.withdraw(1)
    first.withdraw(1)
    assert first.before() == 2
    for _ in range(4):
        first.withdraw(0)
    assert first.before() == 0 and not directory.exists()


def test_nothing_is_counted_in_the_directory_of_another_jobs_model(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    job.output.mkdir(parents=True)
    (job.output / "config.json").write_text("{}")
    occupied = Outcome(outcome="Failed", reason="TrainingFailed")
    monkeypatch.setattr(container, "_run_or_launch", lambda *_: occupied)
    assert container._run_counted(job, ContainerEnvironment({})) == occupied
    assert [path.name for path in job.output.iterdir()] == ["config.json"]


def test_what_a_judge_cost_stays_where_the_evaluation_is_given_up(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = {"url": "https://judge.example/v1", "model": "big", "inputPrice": "2.50"}
    job = finish(make_job(spec={"evaluation": {"judge": {"endpoint": endpoint}}}), FINISHED)
    asked = job.spec.evaluation
    assert asked is not None and asked.judge is not None and asked.judge.endpoint is not None
    replies = KeptReplies(job.output / ".evaluation", asked.judge.endpoint)
    replies.add([{"role": "user", "content": "A or B?"}], Reply("A", 400_000, 1))
    monkeypatch.setattr(evaluator, "evaluate", raises(Killed()))
    for _ in range(2):
        with pytest.raises(Killed):
            attempt(job)
    found = attempt(job).evaluation
    assert found is not None and found.verdict == "NotEvaluated" and found.judge_usage is not None
    assert (found.judge_usage.requests, found.judge_usage.cost) == (1, 1.0)


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
        assert "evaluation" not in message
    # The uploads follow, in which a container that is killed has a verdict.
    better = Evaluation(verdict="BetterThanBase", message="It wins 70%.")
    monkeypatch.setattr(evaluator, "evaluate", lambda *_: (better, []))
    session._evaluate(session.RunState(finished, ProgressRecorder()), FINISHED)
    for path in outcomes:
        message = json.loads(path.read_text())
        assert message["evaluation"]["verdict"] == "BetterThanBase"
        assert message["message"].endswith("the next attempt goes on with its uploads.")


def test_a_container_that_is_killed_meanwhile_has_said_what_the_judge_cost(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been the last one of the Job: nothing else would ever say it."""
    log = tmp_path / "termination-log"
    answers = [Record(f"Question {n}?", answer("No."), answer("Yes.")) for n in range(30)]
    monkeypatch.setattr(evaluator, "_answer", lambda *_: (Evaluation(), answers))
    monkeypatch.setattr(evaluator, "compare", raises(Killed()))

    def said() -> dict[str, Any]:
        with pytest.raises(Killed):
            session._evaluate(session.RunState(job, ProgressRecorder()), FINISHED)
        message = json.loads(log.read_text())
        assert message["outcome"] == "Interrupted" and "evaluation" not in message
        assert message["artifacts"]["claimName"] == "outputs"
        return dict(message["judgeUsage"])

    with judge_endpoint(
        lambda _: "A", usage={"prompt_tokens": 100, "completion_tokens": 1}
    ) as server:
        endpoint = {
            "url": server.url,
            "model": "big",
            "inputPrice": "2.50",
            "requestsPerMinute": 10**5,
        }
        job = finish(make_job(spec={"evaluation": {"judge": {"endpoint": endpoint}}}), FINISHED)
        monkeypatch.setenv("DPOJOB_SCRATCH", str(job.scratch))
        monkeypatch.setenv("DPOJOB_ALLOW_PRIVATE_ENDPOINTS", "127.0.0.1")
        monkeypatch.setenv("DPOJOB_TERMINATION_LOG", str(log))
        first = said()
        assert first["requests"] == 60 == len(server.bodies)
        assert first["cost"] == pytest.approx(60 * 100 * 2.5e-6)
        # The next one is killed before it asks anything.
        monkeypatch.setattr(evaluator, "_answer", raises(Killed()))
        assert said() == first
