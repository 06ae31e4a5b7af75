"""Columns that do not fit get the mapping to write; what names leave open is asked, not guessed."""

from __future__ import annotations

import pytest
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_api.value_display import flow_yaml
from dpojob_trainer.inspection import accepted_rows


def test_the_message_names_the_columns_and_the_mapping(volume):
    rows = [{"question": "q", "good_response": "a", "bad_response": "b"}]
    report = volume.rows(rows).inspect()
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
    assert volume.inspect({"columnMapping": mapping}).valid


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
def test_a_suggestion_is_ready_to_paste(volume, columns, suggested):
    rows = [dict(zip(columns, (f"q{i}", "a", "b"), strict=True)) for i in range(3)]
    report = volume.rows(rows).inspect()
    assert report.suggestion.column_mapping == suggested
    assert volume.inspect({"columnMapping": suggested}).valid


def test_which_answer_is_preferred_is_asked(volume):
    report = volume.rows([{"question": "q", "response_a": "x", "response_b": "y"}]).inspect()
    assert report.suggestion is None
    message = report.problems[0].message
    assert "do not say which is preferred" in message
    assert "{prompt: question, chosen: response_a, rejected: response_b}" in message


SCORED = {"question": "q", "response_a": "x", "response_b": "y"}


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [([(5, 1), (2, 1)], "response_a"), ([("1", "5"), (2, 2.5), (3, 3)], "response_b")],
)
def test_scores_over_all_rows_decide(volume, scores, chosen):
    rows = [
        {**SCORED, "question": f"q{i}", "score_a": a, "score_b": b}
        for i, (a, b) in enumerate(scores)
    ]
    report = volume.rows(rows).inspect()
    mapping = report.suggestion.column_mapping
    assert mapping["chosen"] == chosen
    assert ("1 row with equal scores" in report.problems[0].message) == (chosen == "response_b")
    assert volume.inspect({"columnMapping": mapping}).valid


def test_scores_that_do_not_score_every_row_are_reported(volume):
    rows = [{**SCORED, "score_a": 5, "score_b": 1}] * 5000
    report = volume.rows([*rows, {**SCORED, "score_a": None, "score_b": 5}]).inspect()
    assert report.suggestion is None
    assert "do not score every row" in report.problems[0].message


def test_scores_that_differ_by_row_are_the_verdict(volume):
    rows = [{**SCORED, "score_a": 5, "score_b": 1}] * 5000
    report = volume.rows([*rows, {**SCORED, "score_a": 1, "score_b": 5}]).inspect()
    assert report.suggestion.column_mapping["scores"] == {"first": "score_a", "second": "score_b"}
    assert "better one in 5000 rows, the second in 1 row." in report.problems[0].message


@pytest.mark.parametrize("names", ["rank_{}", "response_{}_rank", "ranking_{}"])
def test_ranks_of_two_answers_are_a_verdict_whose_sense_is_asked(volume, names):
    ranks = [{names.format("a"): 1 + n % 2, names.format("b"): 2 - n % 2} for n in range(10)]
    rows = [
        {**SCORED, "question": f"q{n}", "response_a": f"x{n}", "response_b": f"y{n}", **both}
        for n, both in enumerate(ranks)
    ]
    report = volume.rows(rows).inspect()
    assert report.suggestion is None
    (message,) = [problem.message for problem in report.errors]
    mapping, other = (
        {
            "prompt": "question", "chosen": "response_a", "rejected": "response_b",
            "scores": {"first": names.format("a"), "second": names.format("b"), "better": better},
        }
        for better in ("Lower", "Higher")
    )  # fmt: skip
    assert (
        f"If the lower rank is the better one, write columnMapping: {flow_yaml(mapping)}; else"
        in message
    )
    assert flow_yaml(other) in message
    spec = {"columnMapping": mapping, "eval": {"fraction": 0}}
    found = list(accepted_rows(spec_of(spec), volume.inspect(spec), volume.volumes))
    assert [row["chosen"] for row in found[:2]] == ["x0", "y1"]


@pytest.mark.parametrize(
    ("last", "codes_"), [((1, 1), {}), ((3, 2), {}), ((None, 2), {"NullValue": 1})]
)
def test_ranks_are_compared_by_row(volume, last, codes_):
    """Else the answer of a column would be called the preferred one in every row."""
    ranks = [(1, 2), (2, 1), last]
    rows = [
        {**SCORED, "question": f"q{n}", "rank_a": a, "rank_b": b} for n, (a, b) in enumerate(ranks)
    ]
    message = volume.rows(rows).inspect().errors[0].message
    assert "If it is always" not in message
    scores = {"first": "rank_a", "second": "rank_b", "better": "Lower"}
    mapping = {"prompt": "question", "chosen": "response_a", "rejected": "response_b"}
    report = volume.inspect({"columnMapping": {**mapping, "scores": scores}})
    assert codes(report) == codes_
    assert report.dropped.get("Tie", 0) == (last == (1, 1))


@pytest.mark.parametrize("columns", [("messages",), ("prompt", "completion", "label"), ("text",)])
def test_what_holds_no_pairs_gets_no_mapping(volume, columns):
    report = volume.rows([dict.fromkeys(columns, "x")]).inspect()
    assert report.suggestion is None
    assert "DPO needs " in report.problems[0].message


HUMAN = {
    "chosen": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}],
    "rejected": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "b"}],
}
APART = {
    "prompt": [{"role": "human", "content": "q"}],
    "chosen": [{"role": "gpt", "content": "a"}],
    "rejected": [{"role": "gpt", "content": "b"}],
}


@pytest.mark.parametrize("row", [HUMAN, APART])
def test_names_inside_messages_are_suggested(volume, row):
    report = volume.rows([row] * 3).inspect()
    mapping = report.suggestion.column_mapping
    assert mapping["messages"]["user"] == "human"
    assert "write columnMapping: {messages: {" in report.errors[0].message
    assert volume.inspect({"columnMapping": mapping}).valid


def test_other_names_in_few_rows_are_no_mapping(volume):
    """It would spoil the rows that are sound."""
    turns = [[{"role": "user", "content": "q"}, {"role": "assistant", "content": x}] for x in "ab"]
    good = dict(zip(("chosen", "rejected"), turns, strict=True))
    report = volume.rows([good, good, HUMAN]).inspect()
    assert report.suggestion is None
    assert "columnMapping" not in report.errors[0].message


def test_a_mapping_that_is_there_is_not_suggested_again(volume):
    mapping = {
        "messages": {"role": "from", "content": "value", "user": "human", "assistant": "gpt"}
    }
    bad = {**HUMAN, "chosen": [{"from": "human"}]}
    report = volume.rows([bad]).inspect({"columnMapping": mapping})
    assert report.suggestion is None
    assert "write columnMapping" not in report.errors[0].message


def test_a_mapping_to_no_column_names_the_nearest(volume):
    report = volume.rows([{"prompt": "q", "chosen": "x", "rejected": "y"}]).inspect(
        {"columnMapping": {"chosen": "chosn"}}
    )
    assert "did you mean 'chosen'" in report.problems[0].message
