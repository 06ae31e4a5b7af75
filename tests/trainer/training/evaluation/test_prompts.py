"""Figures of answers, and the prompts that are answered."""

from pathlib import Path

import pytest
from tests.kit.tiny_models import write_jsonl
from tests.kit.training.tiny_job import MakeJob

from dpojob_trainer.training.evaluation.answers import Answer, answer_figures, repetition
from dpojob_trainer.training.evaluation.prompts import evaluation_rows, judged_rows


def test_repetition_is_the_share_of_sequences_that_stood_there_before() -> None:
    assert repetition([1, 2, 3]) == 0
    assert repetition(list(range(20))) == 0
    assert repetition([7] * 13) == pytest.approx(0.9)
    assert repetition([1, 2, 3, 4, 1, 2, 3, 4]) == pytest.approx(1 / 5)


def test_figures_are_means_over_the_answers() -> None:
    figures = answer_figures(
        [Answer("a", 10, True, 0.0), Answer("b", 30, False, 0.5), Answer("c", 20, True, 0.1)]
    )
    assert figures.tokens == 20
    assert figures.ended == pytest.approx(2 / 3)
    assert figures.repetition == pytest.approx(0.2)


@pytest.mark.train
@pytest.mark.parametrize(
    ("gpus", "pairs", "held_back"), [(1, 30, 10), (1, 29, 0), (1, 20, 0), (2, 30, 0)]
)
def test_prompts_are_kept_from_the_verdict_only_where_they_judge_checkpoints(
    make_job: MakeJob, tmp_path: Path, gpus: int, pairs: int, held_back: int
) -> None:
    judge = {"program": {"volume": {"claimName": "inputs", "path": "rule.py"}}}
    rows = [
        {"question": f"Where is kite {n}?", "good_response": "Here", "bad_response": "No"}
        for n in range(2 * pairs)
    ]
    write_jsonl(tmp_path / "pairs" / "train.jsonl", rows[pairs:])
    write_jsonl(tmp_path / "pairs" / "test.jsonl", rows[:pairs])
    pairs_of = {"volume": {"claimName": "numbered", "path": "pairs"}, "eval": {"split": "test"}}
    job = make_job(
        spec={"evaluation": {"judge": judge, "everyEval": True}, "dataset": pairs_of},
        plan={"gpus": gpus},
        volumes={"numbered": tmp_path},
    )
    assert job.spec.evaluation is not None
    during, after = judged_rows(job, job.spec.evaluation)
    assert len(during) == held_back
    assert during + after == evaluation_rows(job, 200)
