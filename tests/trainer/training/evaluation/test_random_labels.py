"""A judge whose labels are random, about the real answers of two models."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from tests.kit.training.tiny_job import MakeJob
from transformers import AutoModelForCausalLM, AutoTokenizer

from dpojob_api.evaluation import Evaluation
from dpojob_trainer.training.evaluation import evaluator
from dpojob_trainer.training.evaluation.judges import Exchange
from dpojob_trainer.training.evaluation.judges.judge import ScoringJudge
from dpojob_trainer.training.evaluation.models import PairLoader
from dpojob_trainer.training.evaluation.statistics.confidence_intervals import contains

PROMPTS = 100


class RandomJudge(ScoringJudge):
    """Scores by chance; the same answer to the same prompt has the same score."""

    name = "chance"

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def scores(self, exchanges: Sequence[Exchange]) -> list[float | None]:
        return [random.Random(f"{self._seed} {exchange}").random() for exchange in exchanges]


@pytest.mark.train
def test_with_random_labels_the_interval_holds_a_half_in_90_to_99_of_100(
    make_job: MakeJob, inputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = [{"prompt": f"How do I clean kettle number {n}?"} for n in range(PROMPTS)]
    (tmp_path / "prompts.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in prompts))
    judge = {"program": {"volume": {"claimName": "prompts", "path": "chance.py"}}}
    place = {"volume": {"claimName": "prompts", "path": "prompts.jsonl"}, "fromEval": False}
    job = make_job(
        spec={"evaluation": {"judge": judge, "prompts": place}}, volumes={"prompts": tmp_path}
    )
    spec = job.spec.evaluation
    assert spec is not None
    # Another model than the one before, neither better nor worse.
    tuned = AutoModelForCausalLM.from_pretrained(inputs / "model")
    torch.manual_seed(0)
    for weights in tuned.parameters():
        weights.data += 0.2 * torch.randn_like(weights)
    tuned.save_pretrained(job.output)
    AutoTokenizer.from_pretrained(inputs / "model").save_pretrained(job.output)
    monkeypatch.setattr(evaluator, "JUDGED_ANSWER_TOKENS", 8)
    answered, records = evaluator._answer(job, Evaluation(), PairLoader(job), time.monotonic())
    different = sum(record.before.text != record.after.text for record in records)
    assert len(records) == PROMPTS and different > 90, "equal answers are ties"
    held, verdicts = 0, []
    for seed in range(100):
        found, _ = evaluator._judge(job, spec, RandomJudge(seed), answered, records)
        assert found.win_rate is not None
        held += contains(found.win_rate, 0.5)
        verdicts.append(found.verdict)
    assert 90 <= held <= 99
    assert verdicts.count("Inconclusive") >= held
