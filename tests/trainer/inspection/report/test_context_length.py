"""Rows longer than the model's context, which maxLength must cut before it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.tokenizer_models import make_model
from tests.kit.inspection.volume_fixture import InspectionVolume, codes

SHORT = {"prompt": "q", "chosen": "yes", "rejected": "no"}
LONG = {**SHORT, "prompt": "long " * 60}


def inspected(volume: InspectionVolume, limit: int, rows: list[dict[str, Any]], **config: Any):
    make_model(volume.root / "model", max_position_embeddings=200, **config)
    return volume.rows(rows).inspect(training={"maxLength": limit})


@pytest.mark.parametrize("kind", ["gpt2", "opt", "gpt_neo"])
def test_a_model_with_a_table_of_positions_cannot_train_on_them(volume, kind) -> None:
    report = inspected(volume, 1024, [SHORT, LONG], model_type=kind)
    assert codes(report) == {"CompletionTooLong": 1}
    assert report.reason == "DatasetInvalid"
    assert "Set training.maxLength to 200 or less" in report.errors[0].message


def test_another_model_is_warned_about(volume) -> None:
    report = inspected(volume, 1024, [SHORT, LONG])
    assert report.valid
    (problem,) = (p for p in report.warnings if p.code == "CompletionTooLong")
    assert problem.rows == 1 and "the model's context of 200 tokens" in problem.message


def test_rows_that_fit_need_no_warning(volume) -> None:
    report = inspected(volume, 1024, [SHORT], model_type="gpt2")
    assert report.valid
    assert not [problem for problem in report.problems if problem.code == "CompletionTooLong"]


def test_rows_that_max_length_cuts_before_it_are_only_cut(volume) -> None:
    row = {**SHORT, "chosen": "yes " * 60}
    report = inspected(volume, 200, [SHORT, row], model_type="gpt2")
    assert report.valid
    (problem,) = (p for p in report.warnings if p.code == "CompletionTooLong")
    assert "are cut at the end" in problem.message


def test_a_row_as_long_as_the_context_fits(volume) -> None:
    exact = inspected(volume, 1024, [LONG]).lengths.longest.max
    make_model(volume.root / "model", max_position_embeddings=exact, model_type="gpt2")
    assert volume.inspect(training={"maxLength": 1024}).valid


def test_the_evaluation_split_is_looked_at_too(volume) -> None:
    make_model(volume.root / "model", max_position_embeddings=200, model_type="gpt2")
    volume.rows([SHORT] * 3).rows([SHORT, LONG], "test.jsonl")
    report = volume.inspect({"eval": {"split": "test"}}, training={"maxLength": 1024})
    assert codes(report) == {"CompletionTooLong": 1}
    assert report.errors[0].message.startswith("in the evaluation split 'test': 1 row (50.0%)")
