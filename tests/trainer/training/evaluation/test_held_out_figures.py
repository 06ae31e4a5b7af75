"""Every training ends with figures on held-out pairs, in the outcome, the card and the report."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit.training.tiny_job import MakeJob
from transformers import AutoModelForCausalLM

from dpojob_api.evaluation import Evaluation
from dpojob_api.progress import Outcome
from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.evaluation import models
from dpojob_trainer.training.evaluation.divergence import kl_per_token
from dpojob_trainer.training.evaluation.models import load_pair
from dpojob_trainer.training.evaluation.prompts import evaluation_rows

pytestmark = pytest.mark.train


def document(job: TrainJob, name: str) -> str:
    return (job.output / name).read_text(encoding="utf-8")


def lineage(job: TrainJob) -> Outcome:
    return Outcome.model_validate(json.loads(document(job, "lineage.json"))["outcome"])


@pytest.mark.parametrize("method", ["full", "lora"])
def test_figures_of_both_models_are_in_the_outcome_and_the_documents(
    make_job: MakeJob, method: str
) -> None:
    job = make_job(spec={"training": {"method": method, "learningRate": 2e-3, "epochs": 2}})
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    found = outcome.evaluation
    assert found is not None and found.note == ""
    accuracy = found.reward_accuracy
    assert accuracy is not None and accuracy.n == job.report.eval_rows
    assert accuracy.value == pytest.approx(outcome.progress.eval_accuracy, abs=0.5 / accuracy.n)
    assert found.prompts == len(evaluation_rows(job, 32)) > 3
    assert found.before is not None and found.after is not None
    assert found.before.tokens and found.after.tokens
    assert found.length_change is not None
    change = found.after.tokens - found.before.tokens
    assert found.length_change.value == pytest.approx(change)
    assert found.kl_per_token is not None and found.kl_per_token > 0
    for name in ("README.md", "report.html"):
        text = document(job, name)
        assert text.count("Held-out figures") == 1
        assert f"{accuracy.value:.0%} ({accuracy.low:.0%} to {accuracy.high:.0%})" in text
    assert lineage(job).evaluation == Evaluation.model_validate(found.wire())


def test_the_distance_is_that_of_the_two_distributions(make_job: MakeJob) -> None:
    job = make_job(spec={"training": {"learningRate": 2e-3}})
    assert run(job).outcome == "Succeeded"
    pair, rows = load_pair(job), evaluation_rows(job, 3)
    before = AutoModelForCausalLM.from_pretrained(job.volumes["inputs"] / "model")
    after = AutoModelForCausalLM.from_pretrained(job.output)
    total = count = 0.0
    for row in rows:
        prompt, whole = (
            pair.tokenizer.apply_chat_template(messages, return_dict=True, add_generation_prompt=add)[
                "input_ids"
            ]
            for messages, add in ((row["prompt"], True), (row["prompt"] + row["chosen"], False))
        )  # fmt: skip
        with torch.no_grad():
            p, q = (m(torch.tensor([whole])).logits[0].softmax(-1) for m in (after, before))
        for at in range(len(prompt), len(whole)):
            total += float((p[at - 1] * (p[at - 1] / q[at - 1]).log()).sum())
            count += 1
    distance = kl_per_token(pair, rows)
    assert distance is not None and distance > 1e-4
    assert distance == pytest.approx(total / count, rel=1e-3)


def test_without_learning_nothing_changes(make_job: MakeJob) -> None:
    job = make_job(spec={"training": {"learningRate": 1e-30}})
    found = run(job).evaluation
    assert found is not None and found.before == found.after
    assert found.kl_per_token is not None and math.isclose(found.kl_per_token, 0, abs_tol=1e-6)
    assert [each.figure for each in found.attention] == ["RewardAccuracy"]


def test_a_failing_evaluation_leaves_the_model_and_says_why(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("CUDA error: unspecified launch failure\nmore")

    monkeypatch.setattr(models, "load_pair", fail)
    job = make_job()
    outcome = run(job)
    assert outcome.outcome == "Succeeded"
    assert (job.output / "config.json").is_file()
    assert outcome.evaluation is not None and outcome.evaluation.reward_accuracy is not None
    assert "CUDA error: unspecified launch failure" in outcome.evaluation.note
    assert outcome.evaluation.note in document(job, "README.md").replace("&#96;", "`")


def test_a_signal_during_the_evaluation_keeps_the_model_and_the_next_attempt_evaluates(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    job = make_job()
    with monkeypatch.context() as patch:
        patch.setattr(models, "load_pair", interrupt)
        outcome = run(job)
    assert (outcome.outcome, outcome.reason) == ("Interrupted", "Stopped")
    assert "the model is complete" in outcome.message
    written = (job.output / "model.safetensors").stat().st_mtime_ns
    outcome = run(job)
    assert outcome.outcome == "Succeeded" and outcome.evaluation is not None
    assert outcome.evaluation.after is not None
    assert (job.output / "model.safetensors").stat().st_mtime_ns == written
    again = run(job)
    assert again.evaluation == outcome.evaluation


def test_without_held_out_pairs_it_says_so(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(spec={"dataset": {"eval": {"fraction": 0}}})
    found = run(job).evaluation
    assert found is not None and found.reward_accuracy is None
    assert "dataset.eval" in found.note and found.attention == []
