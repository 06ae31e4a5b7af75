"""What limits an evaluation, time and prompts, is named in its message or its note."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kit.training.tiny_job import MakeJob

from dpojob_api.evaluation import JudgeUsage
from dpojob_api.progress import Outcome
from dpojob_trainer.training.evaluation import evaluator
from dpojob_trainer.training.evaluation.answers import Answer
from dpojob_trainer.training.evaluation.judges import Comparison, Judge
from dpojob_trainer.training.evaluation.judges.judge import Scores

FINISHED = Outcome(outcome="Succeeded", reason="Completed")
JUDGE = {"program": {"volume": {"claimName": "inputs", "path": "rule.py"}}}
ANSWER = Answer("Yes.", 2, True, 0.0)


class Ties(Judge):
    """Prefers no answer."""

    name = "ties"

    def compare(self, comparisons: Sequence[Comparison]) -> list[Scores]:
        return [(0.5, 0.5) for _ in comparisons]


class FullDisk(Judge):
    """Cannot keep what it was answered."""

    name = "asked in vain"
    usage = JudgeUsage(requests=7, cost=0.5)

    def compare(self, comparisons: Sequence[Comparison]) -> list[Scores]:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def models_answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes both models answer the first prompts of several, and a judge judge."""

    def answer(prompts: int, answered: int, judge: Judge) -> None:
        rows = [{"prompt": f"{number}?"} for number in range(prompts)]
        pair = SimpleNamespace(get=lambda: None, release=lambda: None)
        answers = [ANSWER] * answered
        for name, value in {
            "PairLoader": lambda _: pair,
            "judged_rows": lambda *_: ([], rows),
            "answer_both": lambda *_: (answers, answers),
            "with_distance": lambda evaluation, *_: evaluation,
            "open_judge": lambda *_: judge,
        }.items():
            monkeypatch.setattr(evaluator, name, value)

    return answer


def test_answers_that_the_time_ends_name_the_limit(make_job: MakeJob, models_answer: Any) -> None:
    job = make_job(spec={"evaluation": {"judge": JUDGE}})
    models_answer(40, 16, FullDisk())
    found, records = evaluator.evaluate(job, FINISHED)
    assert found.verdict == "NotEvaluated" and len(records) == 16
    assert "had answered 16 of 40 prompts when the time for answers, two thirds of" in found.message
    assert "evaluation.maxDuration, ended. A verdict needs 20: raise it" in found.message
    models_answer(40, 32, Ties())
    found, _ = evaluator.evaluate(job, FINISHED)
    assert found.verdict == "Inconclusive" and "had answered 32 of 40 prompts" in found.note
    models_answer(40, 40, Ties())
    assert evaluator.evaluate(job, FINISHED)[0].note == ""


def test_what_the_judge_cost_stays_where_its_replies_cannot_be_kept(
    make_job: MakeJob, models_answer: Any
) -> None:
    models_answer(40, 40, FullDisk())
    found, records = evaluator.evaluate(make_job(spec={"evaluation": {"judge": JUDGE}}), FINISHED)
    assert found.verdict == "NotEvaluated" and "No space was left" in found.message
    assert found.judge_usage == FullDisk.usage and len(records) == 40


@pytest.mark.parametrize(("every_eval", "gpus", "says"), [(True, 1, True), (True, 2, False), (False, 1, False)])  # fmt: skip
def test_too_few_prompts_for_every_eval_are_noted(
    make_job: MakeJob, models_answer: Any, every_eval: bool, gpus: int, says: bool
) -> None:
    models_answer(24, 24, Ties())
    spec = {"evaluation": {"judge": JUDGE, "everyEval": every_eval}}
    found, _ = evaluator.evaluate(make_job(spec=spec, plan={"gpus": gpus}), FINISHED)
    assert found.verdict == "Inconclusive"
    assert (
        "fewer than 30 different held-out prompts, so everyEval judged no" in found.note
    ) == says
