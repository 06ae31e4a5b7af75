"""Columns that do not fit get the mapping to write; what names leave open is asked, not guessed."""

from __future__ import annotations

import pytest


def test_the_message_names_the_columns_and_the_mapping(bench):
    rows = [{"question": "q", "good_response": "a", "bad_response": "b"}]
    report = bench.rows(rows).inspect()
    assert not report.valid and report.reason == "DatasetInvalid"
    assert report.columns == ["question", "good_response", "bad_response"]
    (problem,) = report.errors
    assert problem.code == "MissingColumn"
    assert "question, good_response, bad_response" in problem.message
    assert (
        "columnMapping: {prompt: question, chosen: good_response, rejected: bad_response}"
        in problem.message
    )
    mapping = report.suggestion.column_mapping
    assert bench.inspect({"columnMapping": mapping}).valid


@pytest.mark.parametrize(
    ("columns", "suggested"),
    [
        (("prompt", "choosen", "rejected"), {"chosen": "choosen"}),
        (("Prompt", "Chosen", "Rejected"), {"prompt": "Prompt", "chosen": "Chosen", "rejected": "Rejected"}),
        (("instruction", "chosen", "rejected"), {"prompt": "instruction"}),
        (("prompt", "preferred", "dispreferred"), {"chosen": "preferred", "rejected": "dispreferred"}),
        (("prompt", "chosen", "rejcted"), {"rejected": "rejcted"}),
    ],
)  # fmt: skip
def test_a_suggestion_is_ready_to_paste(bench, columns, suggested):
    rows = [dict(zip(columns, (f"q{i}", "a", "b"), strict=True)) for i in range(3)]
    report = bench.rows(rows).inspect()
    assert report.suggestion.column_mapping == suggested
    assert bench.inspect({"columnMapping": suggested}).valid


def test_which_answer_is_preferred_is_asked(bench):
    report = bench.rows([{"prompt": "q", "response_a": "x", "response_b": "y"}]).inspect()
    assert report.suggestion is None
    assert "do not say which is preferred" in report.problems[0].message


def test_a_mapping_to_no_column_names_the_nearest(bench):
    report = bench.rows([{"prompt": "q", "chosen": "x", "rejected": "y"}]).inspect(
        {"columnMapping": {"chosen": "chosn"}}
    )
    assert "did you mean 'chosen'" in report.problems[0].message
