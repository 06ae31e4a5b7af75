"""Columns that say in each row which of two answers is preferred: read, or asked for without a guess."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.follow_suggestion import follow
from tests.kit.inspection.volume_fixture import spec_of

from dpojob_trainer.inspection import accepted_rows, inspect

Row = dict[str, Any]
AB = ("response_a", "response_b")


def rows_of(values: list[Any], answers: tuple[str, str] = AB, column: str = "winner") -> list[Row]:
    """Rows with the values in turn; a value that is an object holds several columns."""
    rows = []
    for number in range(12):
        value = values[number % len(values)]
        labels = value if isinstance(value, dict) else {column: value}
        texts = {answer: f"{answer} says {number}" for answer in answers}
        rows.append({"prompt": f"What is {number}?", **texts, **labels})
    return rows


def message(volume: Any, rows: list[Row]) -> str:
    report = volume.rows(rows).inspect()
    assert report.suggestion is None
    return str(report.errors[0].message)


@pytest.mark.parametrize(("first", "tie"), [("0", "2"), ("1", "0")])
def test_either_end_of_three_numbers_may_be_the_tie(volume, first: str, tie: str) -> None:
    answers = (f"response_{first}", f"response_{int(first) + 1}")
    text = message(volume, rows_of([0, 1, 2], answers, "label"))
    entries = [
        f'{{column: label, first: "{one}", second: "{two}", tie: "{neither}"}}'
        for one, two, neither in ((0, 1, 2), (1, 0, 2), (1, 2, 0), (2, 1, 0))
    ]
    positions = [text.index(entry) for entry in entries]
    assert (min(positions) in positions[:2]) is (tie == "2")
    assert f"If {first} stands for {answers[0]!r} and {tie} for a tie, write" in text


SIDES = [
    {"model_a": "claude", "model_b": "gpt", "winner": "claude"},
    {"model_a": "gpt", "model_b": "claude", "winner": "claude"},
    {"model_a": "gpt", "model_b": "claude", "winner": "gpt"},
    {"model_a": "gpt", "model_b": "claude", "winner": "tie"},
]


@pytest.mark.parametrize("many", [False, True])
def test_the_name_of_a_model_stands_for_no_side(volume, many: bool) -> None:
    rows = rows_of([dict(sides) for sides in SIDES])
    if many:
        for number, row in enumerate(rows):
            row |= {
                name: f"{row[name]}{number}" for name in ("model_a", "model_b", "winner")
                if row[name] != "tie"
            }  # fmt: skip
    text = message(volume, rows)
    assert "column: winner" not in text
    assert "df['winner'] == df['model_a']" in text
    assert "verdict: {column: side, first: a, second: b, tie: tie}" in text


def test_models_that_keep_their_sides_are_read(volume) -> None:
    rows = rows_of([SIDES[0], {**SIDES[0], "winner": "gpt"}])
    report = volume.rows(rows).inspect()
    label = {"column": "winner", "first": "claude", "second": "gpt"}
    assert report.suggestion.column_mapping["verdict"] == label


READ = [
    (("assistant_1", "assistant_2"), "winner", ["1", "2"], {"first": "1", "second": "2"}),
    (AB, "loser", ["a", "b"], {"first": "b", "second": "a"}),
    (("response_0", "response_1"), "worse_response_id", [0, 1], {"first": "1", "second": "0"}),
    (AB, "verdict", ["[[A]]", "[[B]]", "[[C]]"],
     {"first": "[[a]]", "second": "[[b]]", "tie": "[[c]]"}),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "column", "values", "label"), READ)
def test_a_label_is_read(volume, answers, column: str, values: list[Any], label: Row) -> None:
    report = volume.rows(rows_of(values, answers, column)).inspect()
    assert report.suggestion is not None, report.errors[0].message
    assert report.suggestion.column_mapping == {
        "chosen": answers[0], "rejected": answers[1], "verdict": {"column": column, **label},
    }  # fmt: skip
    assert report.suggestion.remaining == []


def test_names_of_the_winner_and_the_loser_are_no_answers(volume) -> None:
    rows = rows_of(
        [{"winner": AB[0], "loser": AB[1]}, {"winner": AB[1], "loser": AB[0]}]
    )  # fmt: skip
    report = volume.rows(rows).inspect()
    mapping = report.suggestion.column_mapping
    assert (mapping["chosen"], mapping["rejected"]) == AB
    assert mapping["verdict"] == {"column": "winner", "first": AB[0], "second": AB[1]}


def test_a_flag_is_asked_with_the_value_that_affirms_first(volume) -> None:
    text = message(volume, rows_of([True, False], column="human_prefers_a"))
    assert "If true stands for 'response_a', write" in text
    assert '{column: human_prefers_a, first: "false", second: "true"}' in text


def test_a_judgement_in_a_text_is_written_into_a_column(volume) -> None:
    reasons = [f"Reason {n}: [[{'AB'[n % 2]}]]" for n in range(36)]
    rows = [
        {**row, "prompt": f"What is {n}?", "verdict": reason}
        for n, (row, reason) in enumerate(
            zip(rows_of(["a"], column="number") * 3, reasons, strict=True)
        )
    ]
    text = message(volume, rows)
    assert "df['verdict'].str.extract" in text and "always" not in text
    assert "verdict: {column: side, first: a, second: b, tie: c}" in text


def test_answers_that_name_columns_are_no_texts(volume) -> None:
    """`chosen: response_a` would train the model to answer "response_a"."""
    names = ("response_a", "response_b")
    rows = [
        {
            "prompt": f"question {number}",
            "response_a": f"first answer {number}",
            "response_b": f"second answer {number}",
            "chosen": names[number % 2],
            "rejected": names[1 - number % 2],
        }
        for number in range(6)
    ]
    report = volume.rows(rows).inspect()
    assert not report.valid and "hold names of columns" in report.errors[0].message
    assert report.suggestion is not None
    spec = follow(spec_of({"eval": {"fraction": 0}}), report.suggestion)
    report = inspect(spec, volume.volumes)
    assert report.valid, report.problems
    found = [row["chosen"] for row in accepted_rows(spec, report, volume.volumes)]
    assert found == [rows[number][names[number % 2]] for number in range(6)]


def test_answers_that_are_the_same_words_as_columns_in_some_rows_are_texts(volume) -> None:
    rows = [
        {
            "prompt": f"question {number}",
            "chosen": "yes" if number else "note",
            "rejected": "no",
            "note": "n",
        }
        for number in range(6)
    ]
    assert volume.rows(rows).inspect().valid
