"""Trainings judged by a rule, by a reward model that knows it, and by an endpoint on this machine."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.kit import tiny_models
from tests.kit.judge_endpoint import judge_endpoint
from tests.kit.training.judges import (
    LENGTH,
    RULE,
    friendlier,
    longer,
    make_reward_model,
    write_length_reward_model,
)
from tests.kit.training.tiny_job import MakeJob, metrics
from tests.kit.ui import chromium, new_context

from dpojob_api.evaluation import Evaluation
from dpojob_api.progress import Outcome
from dpojob_api.spec import S3
from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.evaluation.evaluator import evaluate
from dpojob_trainer.training.evaluation.judges import endpoint_client
from dpojob_trainer.training.evaluation.prompts import judged_rows
from dpojob_trainer.training.launch import session

pytestmark = pytest.mark.train
MODEL = {"volume": {"claimName": "taught", "path": "model"}}
DATASET: dict[str, Any] = {
    "volume": {"claimName": "taught", "path": "pairs.jsonl"},
    "eval": {"fraction": 0.3},
}
PROGRAM = {"program": {"volume": {"claimName": "taught", "path": "rule.py"}}}
REWARD_MODEL = {"rewardModel": {"volume": {"claimName": "taught", "path": "reward"}}}


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("taught")
    tiny_models.make_model(root / "model")
    tiny_models.write_jsonl(root / "pairs.jsonl", tiny_models.make_pairs(480, 5))
    make_reward_model(root / "reward", root / "model")
    make_reward_model(root / "two", root / "model", outputs=2)
    (root / "rule.py").write_text(RULE, encoding="utf-8")
    return root


MakeJudged = Callable[..., TrainJob]


@pytest.fixture
def make_judged(make_job: MakeJob, taught: Path) -> MakeJudged:
    def make(evaluation: dict[str, Any], **spec: Any) -> TrainJob:
        wanted = {
            "model": MODEL,
            "dataset": DATASET,
            "training": {"learningRate": 4e-4, "batchSize": 8},
            "evaluation": evaluation,
            **spec,
        }
        plan = {"perDeviceBatchSize": 8, "gradientAccumulation": 1}
        return make_job(spec=wanted, plan=plan, volumes={"taught": taught})

    return make


def with_evaluation(job: TrainJob, evaluation: dict[str, Any]) -> TrainJob:
    spec = job.spec.model_validate({**job.spec.wire(), "evaluation": evaluation})
    return replace(job, spec=spec)


def judge_again(job: TrainJob, evaluation: dict[str, Any]) -> Evaluation:
    """The finished model of `job` evaluated otherwise."""
    return evaluate(
        with_evaluation(job, evaluation), Outcome(outcome="Succeeded", reason="Completed")
    )[0]


def assert_a_browser_shows(report: Path, evaluation: Evaluation) -> None:
    """The verdict, the interval as drawn, and the answers side by side."""
    assert evaluation.win_rate is not None and evaluation.win_rate.low is not None
    with chromium() as browser:
        page = new_context(browser, {"width": 1280, "height": 900}).new_page()
        page.goto(report.as_uri())
        assert page.locator("#verdict").inner_text() == (
            f"{evaluation.verdict}. {evaluation.message}"
        )
        assert f"95% interval {evaluation.win_rate.low:.0%} to" in evaluation.message
        drawn = page.get_by_role("img", name="Win rate against the model before")
        assert f"95% interval {evaluation.win_rate.low:.1%}" in str(
            drawn.get_attribute("aria-label")
        )
        answers = page.locator("#verdict ~ .sample .answers").first.locator("> div")
        before, tuned = (answers.nth(place).bounding_box() for place in (0, 1))
        assert before is not None and tuned is not None
        assert before["y"] == tuned["y"] and before["x"] + before["width"] <= tuned["x"]
        assert "before, score" in answers.nth(0).inner_text()
        assert "tuned, score" in answers.nth(1).inner_text()


def test_pairs_that_follow_a_rule_make_the_model_better_by_that_rule(
    make_judged: MakeJudged,
) -> None:
    job = make_judged({"judge": PROGRAM, "prompts": {"max": 40}})
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    found = outcome.evaluation
    assert found is not None and found.verdict == "BetterThanBase", found
    assert found.win_rate is not None and found.win_rate.n == found.prompts >= 30
    assert found.judge == "program rule.py"
    lines = (job.output / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == found.prompts
    wins = sum(record["afterScore"] > record["beforeScore"] for record in records)
    assert wins == found.wins > 2 * found.losses
    trained = {row["question"] for row in tiny_models.make_pairs(480, 5)}
    assert {record["prompt"][-1]["content"] for record in records} <= trained
    assert_a_browser_shows(job.output / "report.html", found)
    report = (job.output / "report.html").read_text(encoding="utf-8")
    assert "BetterThanBase" in report and found.message.split(";")[0] in report
    assert "Most won" in report and "Win rate at equal length" in report
    card = (job.output / "README.md").read_text(encoding="utf-8")
    assert card.count("---\n") >= 2 and "model-index" in card and "win_rate" in card
    lineage = json.loads((job.output / "lineage.json").read_text(encoding="utf-8"))
    assert "evaluation.jsonl" in lineage["files"]
    assert not (job.output / ".evaluation").exists()

    by_reward = judge_again(job, {"judge": REWARD_MODEL, "prompts": {"max": 40}})
    assert by_reward.verdict == "BetterThanBase", by_reward
    assert by_reward.judge == "reward model reward"

    for reply, verdict in ((friendlier, "BetterThanBase"), (lambda _: "A", "Inconclusive")):
        with judge_endpoint(reply, usage={"prompt_tokens": 100, "completion_tokens": 1}) as server:
            endpoint = {"url": server.url, "model": "big", "requestsPerMinute": 100000}
            asked = judge_again(job, {"judge": {"endpoint": endpoint}, "prompts": {"max": 40}})
        assert asked.verdict == verdict, asked
        assert asked.judge_usage is not None
        different = sum(record["before"] != record["after"] for record in records)
        # Nobody is asked which of two equal answers is better.
        assert asked.judge_usage.requests == 2 * different == len(server.bodies)
        assert asked.contradictions == (0 if verdict == "BetterThanBase" else different)
    # The replies of the other model are kept, and would do.
    away = {"endpoint": {"url": server.url, "model": "other"}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(endpoint_client, "FIRST_WAIT", 0.01)
        asking = with_evaluation(job, {"judge": away, "prompts": {"max": 40}})
        unknown, answered = evaluate(asking, outcome)
    # What was answered is kept without scores.
    assert [(r.after.text, r.after_score) for r in answered] == [
        (record["after"]["text"], None) for record in records
    ]
    assert unknown.verdict == "NotEvaluated" and "cannot be reached" in unknown.message
    assert unknown.after is not None

    # The other way round: a rule by which the tuned answers are the worse ones.
    (job.volumes["taught"] / "contrary.py").write_text(RULE.replace("print(int(", "print(-int("))
    contrary = {"program": {"volume": {"claimName": "taught", "path": "contrary.py"}}}
    assert judge_again(job, {"judge": contrary}).verdict == "NotBetter"

    two = {"rewardModel": {"volume": {"claimName": "taught", "path": "two"}}}
    wrong = judge_again(job, {"judge": two})
    assert wrong.verdict == "NotEvaluated" and "has 2 outputs" in wrong.message
    causal = judge_again(job, {"judge": {"rewardModel": MODEL}})
    assert causal.verdict == "NotEvaluated" and "Qwen2ForCausalLM" in causal.message
    assert causal.after is not None and causal.kl_per_token is not None

    required = with_evaluation(job, {"judge": contrary, "require": {"winRate": "0.55"}})
    worse = outcome.model_copy(update={"evaluation": judge_again(job, {"judge": contrary})})
    store = S3.model_validate({"bucket": "never", "secret": {"name": "s3"}})
    for place in ({"push": "org/never"}, {"s3": store}):
        output = required.spec.output.model_copy(update=place)
        unmet = replace(required, spec=required.spec.model_copy(update={"output": output}))
        kept = session._upload(session.RunState(unmet, session.ProgressRecorder()), worse)
        assert kept.outcome == "Succeeded" and "Nothing was uploaded" in kept.message
        assert kept.artifacts is not None and kept.artifacts.push is None


def test_pairs_with_swapped_labels_make_the_model_worse(make_judged: MakeJudged) -> None:
    swapped = {"columnMapping": {
        "prompt": "question", "chosen": "bad_response", "rejected": "good_response",
    }}  # fmt: skip
    friendly = make_judged({"judge": PROGRAM, "prompts": {"max": 20}})
    assert run(friendly).outcome == "Succeeded"
    job = make_judged(
        {"judge": PROGRAM},
        dataset=DATASET | swapped,
        model={"volume": {"claimName": "outputs", "path": "out"}},
        output={"volume": {"claimName": "outputs", "path": "swapped"}},
    )
    found = run(job).evaluation
    assert found is not None and found.verdict == "NotBetter", found.message if found else None
    by_reward = judge_again(job, {"judge": REWARD_MODEL})
    assert by_reward.verdict == "NotBetter", by_reward.message
    with judge_endpoint(friendlier) as server:
        endpoint = {"url": server.url, "model": "big", "requestsPerMinute": 100000}
        asked = judge_again(job, {"judge": {"endpoint": endpoint}})
    assert asked.verdict == "NotBetter", asked.message


def test_pairs_that_teach_length_alone_are_longer_only(
    make_judged: MakeJudged, taught: Path
) -> None:
    rows = tiny_models.make_pairs(480, 5)
    for row in rows:
        answers = sorted((row["good_response"], row["bad_response"]), key=len)
        row["bad_response"], row["good_response"] = answers
    tiny_models.write_jsonl(taught / "longer.jsonl", rows)
    (taught / "length.py").write_text(LENGTH, encoding="utf-8")
    pairs = {"volume": {"claimName": "taught", "path": "longer.jsonl"}}
    judge = {"program": {"volume": {"claimName": "taught", "path": "length.py"}}}
    job = make_judged({"judge": judge}, dataset=DATASET | pairs)
    found = run(job).evaluation
    assert found is not None and found.verdict == "LongerOnly", found.message if found else None
    write_length_reward_model(taught / "length", taught / "model")
    reward = {"rewardModel": {"volume": {"claimName": "taught", "path": "length"}}}
    by_reward = judge_again(job, {"judge": reward})
    assert by_reward.verdict == "LongerOnly", by_reward.message
    with judge_endpoint(longer) as server:
        endpoint = {"url": server.url, "model": "big", "requestsPerMinute": 100000}
        asked = judge_again(job, {"judge": {"endpoint": endpoint}})
    assert asked.verdict == "LongerOnly", asked.message


def test_training_stops_where_the_judge_falls_while_rewards_rise(
    make_judged: MakeJudged, taught: Path
) -> None:
    """A training that is interrupted keeps its judged history, and the best checkpoint by the judge."""
    (taught / "contrary.py").write_text(RULE.replace("print(int(", "print(-int("))
    contrary = {"program": {"volume": {"claimName": "taught", "path": "contrary.py"}}}
    job = make_judged(
        {"judge": contrary, "everyEval": True, "prompts": {"max": 40}},
        training={
            "learningRate": 6e-4,
            "batchSize": 8,
            "epochs": 2,
            "arguments": {"eval_steps": 5},
        },
    )
    first = run(job, on_progress=lambda p: signal.raise_signal(signal.SIGTERM) if p.step == 12 else None)  # fmt: skip
    assert first.outcome == "Interrupted", first.message
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    health = outcome.progress.health
    assert (health.healthy, health.reason) == (False, "RewardHacking"), health.message
    assert outcome.progress.step < outcome.progress.max_steps
    judged = {r["step"]: r for r in metrics(job) if "eval_win_rate" in r}
    assert {5, 10} <= judged.keys() and max(judged) == outcome.progress.step
    best = max(judged.values(), key=lambda r: r["eval_win_rate"])
    assert all(
        judged[step]["eval_win_rate"] < best["eval_win_rate"] for step in sorted(judged)[-2:]
    )
    assert judged[max(judged)]["eval_rewards/margins"] > best["eval_rewards/margins"]
    lineage = json.loads((job.output / "lineage.json").read_text(encoding="utf-8"))
    assert f"step {best['step']}" in json.dumps(lineage) + (job.output / "README.md").read_text()
    during, after = judged_rows(job, job.spec.evaluation)
    assert during and not {str(r["prompt"]) for r in during} & {str(r["prompt"]) for r in after}
    assert outcome.evaluation is not None and outcome.evaluation.prompts == len(after)
