"""The evaluation split is held to the same rules, and training gets what was accepted of it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.tokenizer_models import NO_SYSTEM, make_model
from tests.kit.inspection.volume_fixture import InspectionVolume, codes, spec_of

from dpojob_api.job import DatasetStatus
from dpojob_api.report import InspectionReport
from dpojob_trainer.inspection import accepted_rows, summary

DROP = {"invalidRows": "Drop", "eval": {"split": "test"}}


def conversation(*roles: str, text: str = "q") -> dict[str, Any]:
    prompt = [{"role": role, "content": text} for role in roles]
    answers = [[{"role": "assistant", "content": answer}] for answer in ("yes", "no")]
    return {"prompt": prompt, "chosen": answers[0], "rejected": answers[1]}


GOOD = conversation("user")
REFUSED = conversation("system", "user")
TOO_LONG = conversation("user", text="long " * 50)


@pytest.fixture
def strict(volume: InspectionVolume) -> InspectionVolume:
    """A model whose template has no system turn; train is sound."""
    make_model(volume.root / "model", NO_SYSTEM)
    return volume.rows([GOOD] * 20)


@pytest.mark.parametrize("bad", [REFUSED, TOO_LONG])
def test_rows_that_the_tokenizer_rejects_do_not_reach_evaluation(strict, bad) -> None:
    strict.rows([GOOD, bad, GOOD], "test.jsonl")
    spec: dict[str, Any] = {"training": {"maxLength": 100}}
    dataset = {**DROP, "maxDroppedShare": 0.5}
    report = strict.inspect(dataset, **spec)
    assert report.valid and (report.eval_rows, report.dropped) == (2, {})
    rows = accepted_rows(spec_of(dataset, **spec), report, strict.volumes, split="eval")
    assert [row["prompt"] for row in rows] == [GOOD["prompt"]] * 2


def test_what_was_left_out_of_it_is_counted_apart(strict) -> None:
    strict.rows([GOOD, REFUSED], "test.jsonl")
    report = strict.inspect({**DROP, "maxDroppedShare": 0.5})
    assert report.eval_dropped == {"BadMessage": 1}
    assert (report.dropped, report.dropped_rows) == ({}, 0)


def test_what_was_left_out_of_it_survives_the_operators_status(strict) -> None:
    strict.rows([GOOD, REFUSED], "test.jsonl")
    report = strict.inspect({**DROP, "maxDroppedShare": 0.5})
    kept = DatasetStatus.model_validate(summary(report, 4096)).wire()
    assert InspectionReport.model_validate(kept).eval_dropped == {"BadMessage": 1}


def test_more_bad_rows_than_may_be_dropped_are_refused_there_too(volume) -> None:
    pair = {"prompt": "q", "chosen": "yes", "rejected": "no"}
    volume.rows([pair] * 20).rows([pair] + [{**pair, "chosen": None}] * 99, "test.jsonl")
    report = volume.inspect(DROP)
    assert codes(report) == {"NullValue": 99}
    assert report.reason == "TooManyInvalidRows"
    assert report.errors[0].message.startswith(
        "in the evaluation split 'test': 99 rows (99.0%) of 100 are invalid, more than maxDroppedShare 0.1"
    )


def test_a_system_text_that_only_it_has_is_kept(volume) -> None:
    pair = {"prompt": "q", "chosen": "yes", "rejected": "no"}
    volume.rows([pair] * 3).rows([{**pair, "system": "Be kind"}], "test.jsonl")
    dataset = {"eval": {"split": "test"}}
    report = volume.inspect(dataset)
    (row,) = accepted_rows(spec_of(dataset), report, volume.volumes, split="eval")
    assert row["prompt"] == "Be kind\n\nq"
    assert report.train_rows == 3


def test_a_prompt_that_only_it_has_is_not_passed_over(volume) -> None:
    bare = {"chosen": "The one", "rejected": "The two"}
    volume.rows([bare] * 3).rows([{**bare, "prompt": "q"}], "test.jsonl")
    report = volume.inspect({"eval": {"split": "test"}})
    assert codes(report)["MissingColumn"] == 3
    assert report.mapping.prompt == "prompt"


def test_ties_of_it_are_counted(volume) -> None:
    turns = [{"role": "user", "content": "q"}]
    row = {"context": turns, "response1": "a", "response2": "b", "overall_preference": 1}
    volume.rows([row] * 3).rows([row, {**row, "overall_preference": 0}], "test.jsonl")
    report = volume.inspect({"eval": {"split": "test"}})
    assert report.valid and report.eval_rows == 1
    assert report.eval_dropped == {"Tie": 1}
