"""Prompts for an evaluation are held out, whatever their spelling."""

from pathlib import Path
from typing import Any

import pytest
from tests.trainer.training.conftest import MakeJob

from dpojob_trainer.training.evaluation.answers import Answer, answer_figures, repetition
from dpojob_trainer.training.evaluation.judges import JudgeError
from dpojob_trainer.training.evaluation.prompts import (
    evaluation_rows,
    judged_rows,
    prompts_of_file,
    unseen_rows,
)


def rows(*prompts: Any) -> list[dict[str, Any]]:
    return [{"prompt": prompt, "chosen": "yes", "rejected": "no"} for prompt in prompts]


def test_a_prompt_that_is_trained_on_in_other_case_or_space_is_left_out() -> None:
    trained = rows("What is  a KETTLE?\n", "ﬁve?")
    held_out = rows("what is a kettle?", "Five?", "Where?")
    found = unseen_rows(held_out, lambda: iter(trained), 10)
    assert [row["prompt"] for row in found] == ["Where?"]


def test_each_prompt_comes_once_and_at_most_as_many_as_asked_for() -> None:
    held_out = rows("a?", "A?", "b?", "c?", "d?")
    found = unseen_rows(held_out, lambda: iter(rows("b?")), 2)
    assert [row["prompt"] for row in found] == ["a?", "c?"]


def test_held_out_rows_are_read_on_where_the_first_ones_are_trained_on() -> None:
    trained = rows(*(f"trained {number}?" for number in range(50)))
    held_out = [*trained, *rows("a?", "b?", "A?", "c?", "d?")]
    found = unseen_rows(held_out, lambda: iter(trained), 3)
    assert [row["prompt"] for row in found] == ["a?", "b?", "c?"]
    assert len(unseen_rows(held_out, lambda: iter(trained), 9)) == 4


@pytest.mark.parametrize("line", ['{"prompt": "Café?"}'.encode("latin-1"), b"[" * 100_000])
def test_a_line_that_cannot_be_decoded_is_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "prompts.jsonl"
    path.write_bytes('{"prompt": "Café?"}\n'.encode() + line)
    with pytest.raises(JudgeError, match=r"line 2 of prompts.jsonl holds no prompt"):
        list(prompts_of_file(path, messages=False))


def test_conversations_are_compared_with_their_roles() -> None:
    user, system = {"role": "user", "content": "Hi"}, {"role": "system", "content": "Hi"}
    found = unseen_rows(rows([user], [system]), lambda: iter(rows([user])), 5)
    assert [row["prompt"] for row in found] == [[system]]


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
@pytest.mark.parametrize(("gpus", "held_back"), [(1, True), (2, False)])
def test_prompts_are_kept_from_the_verdict_only_where_they_judge_checkpoints(
    make_job: MakeJob, gpus: int, held_back: bool
) -> None:
    judge = {"program": {"volume": {"claimName": "inputs", "path": "rule.py"}}}
    job = make_job(spec={"evaluation": {"judge": judge, "everyEval": True}}, plan={"gpus": gpus})
    assert job.spec.evaluation is not None
    during, after = judged_rows(job, job.spec.evaluation)
    assert bool(during) == held_back
    assert during + after == evaluation_rows(job, 200)
