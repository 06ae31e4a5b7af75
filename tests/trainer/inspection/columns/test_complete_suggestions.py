"""One suggestion contains all that is needed: a job that follows it is valid, or the suggestion names what is left."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.kit.inspection.dataset_layouts import filled
from tests.kit.inspection.follow_suggestion import follow
from tests.kit.inspection.tokenizer_models import make_model
from tests.kit.inspection.volume_fixture import make_bare_model, spec_of

from dpojob_trainer.inspection import inspect

Row = dict[str, Any]


def rows_of(columns: dict[str, Any], count: int = 12) -> list[Row]:
    """Rows whose texts differ by their number, where `{}` is written."""
    return [filled(columns, number) for number in range(count)]


def gpt(role: str, text: str) -> dict[str, str]:
    return {"from": role, "value": text}


TALK = [gpt("human", "What is {}?")]
ANSWERS = {"chosen": "the number {}", "rejected": "no idea {}"}
LAYOUTS: dict[str, Row] = {
    "sharegpt": {
        "conversations": TALK,
        "chosen": gpt("gpt", "yes {}"),
        "rejected": gpt("gpt", "no {}"),
    },
    "sharegpt with tools": {
        "conversations": [gpt("system", "be kind"), *TALK],
        "tools": "[]",
        **ANSWERS,
    },
    "sharegpt with a tool call as the answer": {
        "conversations": TALK,
        "chosen": gpt("function_call", '{"name": "f{}", "arguments": {"x": 1}}'),
        "rejected": gpt("gpt", "no {}"),
    },
    "openai": {
        "input": {"messages": [{"role": "user", "content": "q {}"}], "tools": []},
        "preferred_output": [{"role": "assistant", "content": "yes {}"}],
        "non_preferred_output": [{"role": "assistant", "content": "no {}"}],
    },
    "alpaca": {"instruction": "Translate", "input": "text {}", **ANSWERS},
    "nemo": {
        "context": "What is {}?",
        "chosen_response": "yes {}",
        "rejected_response": "no {}",
        "chosen_rating": 4,
        "rejected_rating": 2,
    },
    "chosen_X": {"question": "q {}", "chosen_story": "yes {}", "rejected_story": "no {}"},
    "chosen_action": {"task": "q {}", "chosen_action": "go {}", "rejected_action": "stay {}"},
    "preferred and other": {"prompt": "q {}", "preferred": "yes {}", "other": "no {}"},
    "one column deeper": {
        "data": {"prompt": "q {}", "chosen": "yes {}", "rejected": "no {}"},
        "id": "{}",
    },
    "a list of two": {"instruction": "q {}", "output": ["yes {}", "no {}"]},
    "lists of one": {"prompt": "q {}", "chosen": ["yes {}"], "rejected": ["no {}"]},
    "columns of lists": {"prompt": ["q {}"], "chosen": ["yes {}"], "rejected": ["no {}"]},
    "roles": {"conversations": [*TALK, gpt("chosen_gpt", "yes {}"), gpt("rejected_gpt", "no {}")]},
    "winner": {"prompt": "q {}", "response_a": "y {}", "response_b": "n {}", "winner": "model_b"},
    "better id": {
        "prompt": "q {}",
        "response_0": "y {}",
        "response_1": "n {}",
        "better_response_id": 1,
        "safer_response_id": 0,
    },
    "preferred column": {
        "prompt": "q {}",
        "response_1": "y {}",
        "response_2": "n {}",
        "preferred": "response_2",
    },
}
INVALID = {"chosen": None}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_valid_after_its_suggestion(volume, name: str) -> None:
    volume.rows(rows_of(LAYOUTS[name]))
    spec = spec_of()
    report = inspect(spec, volume.volumes)
    if not report.valid:
        assert report.suggestion is not None, report.errors[0].message
        assert report.suggestion.remaining == []
        report = inspect(follow(spec, report.suggestion), volume.volumes)
    assert report.valid, [problem.message for problem in report.errors]
    assert report.valid_rows == 12


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_suggestion_ends_valid_or_says_what_is_left(data: st.DataObject) -> None:
    rows = rows_of(LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))])
    for row in rows:
        for column in data.draw(st.lists(st.sampled_from(sorted(row)), max_size=1)):
            row[column] = data.draw(
                st.sampled_from([row[column], row[column], row[column], None, "", [], 7, "same"])
            )
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_bare_model(root / "model")
        (root / "pairs").mkdir()
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (root / "pairs" / "train.jsonl").write_text(text)
        spec = spec_of()
        report = inspect(spec, {"data": root})
        if report.valid or report.suggestion is None:
            return
        again = inspect(follow(spec, report.suggestion), {"data": root})
        assert again.valid == (not report.suggestion.remaining)
        assert [problem.message for problem in again.errors] == report.suggestion.remaining


def test_few_invalid_rows_are_left_out_with_their_share(volume) -> None:
    rows = rows_of({"prompt": "q {}", **ANSWERS}, 100)
    rows[3] |= {"rejected": rows[3]["chosen"]}
    rows[7] |= {"chosen": ""}
    report = volume.rows(rows).inspect()
    assert not report.valid
    assert report.suggestion.spec() == {"dataset": {"invalidRows": "Drop"}}
    assert "leave out 2 rows (2.0%)" in report.errors[0].message


def test_too_many_invalid_rows_are_not_left_out_by_a_suggestion(volume) -> None:
    rows = rows_of({"prompt": "q {}", **ANSWERS}, 10)
    for row in rows[:3]:
        row["chosen"] = None
    report = volume.rows(rows).inspect()
    assert report.suggestion is None
    assert "invalidRows: Drop, maxDroppedShare: 0.3" in report.errors[0].message


def test_long_prompts_get_a_max_length_with_the_keys_and_columns(volume) -> None:
    make_model(volume.root / "model", max_position_embeddings=4096)
    long = "word {} " * 200
    rows = rows_of({"conversations": [gpt("human", long)], **ANSWERS})
    report = volume.rows(rows).inspect(None, training={"maxLength": 512})
    wanted = report.suggestion.spec()
    assert wanted["training"] == {"maxLength": 2048}
    assert wanted["dataset"]["columnMapping"]["messages"]["role"] == "from"
    assert "the model's context is 4096" in report.errors[0].message
    assert report.suggestion.remaining == []


def test_prompts_longer_than_the_model_get_no_max_length(volume) -> None:
    make_model(volume.root / "model", max_position_embeddings=600)
    rows = rows_of({"prompt": "word {} " * 200, **ANSWERS})
    report = volume.rows(rows).inspect(None, training={"maxLength": 512})
    assert report.suggestion is None


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"prompt": "q {}", "completion": "a {}", "label": True}, "KTO"),
        ({"messages": [{"role": "user", "content": "q"}]}, "SFT"),
        ({"instruction": "q {}", "output": "a {}"}, "SFT"),
        ({"prompt": "q {}", "response": "a {}", "reward": 0.5}, "reward model"),
        ({"prompt": "q {}", "completions": ["a", "b", "c"]}, "ranking"),
        ({"prompt": "q {}", **{f"response_{n}": f"a{n} {{}}" for n in range(4)}}, "ranking"),
        ({"prompt": "q {}", "chosen": "a/{}.wav", "rejected": "b/{}.wav"}, "media files"),
        ({"option_a": "go {}", "option_b": "stay {}"}, "two options"),
    ],
)
def test_another_kind_of_dataset_is_refused_by_its_name(volume, columns: Row, kind: str) -> None:
    report = volume.rows(rows_of(columns)).inspect()
    assert str(report.errors[0].code) == "NotPreference"
    assert kind in report.errors[0].message and "DPO needs" in report.errors[0].message
    assert report.suggestion is None


@pytest.mark.parametrize(
    ("columns", "phrase"),
    [
        ({"prompt": "q {}", "chosen": ["y {}", "z"], "rejected": ["n {}", "m"]}, "df.explode(['chosen', "),
        ({"prompt": ["q {}", "p"], "chosen": ["y {}", "z"], "rejected": ["n", "m"]}, "['prompt', 'chosen'"),
        ({"id": "{}", "pairs": [{"prompt": "q {}", **ANSWERS}]}, "df.explode('pairs')['pairs']"),
        ({"messages": [{"question": "q {}", "better": "y {}", "worse": "n {}"}] * 2}, "lists of pairs"),
        ({"id": "{}", "data": {"prompt": ["q"], "chosen": ["y"], "rejected": ["n"]}}, "whole columns in"),
    ],
)  # fmt: skip
def test_several_pairs_in_a_row_are_refused_with_what_to_write(
    volume, columns: Row, phrase: str
) -> None:
    report = volume.rows(rows_of(columns)).inspect()
    assert not report.valid and report.suggestion is None
    (problem,) = report.errors
    assert phrase in problem.message and "Write one row for each pair" in problem.message


def test_a_number_among_lists_of_one_is_an_invalid_row(volume) -> None:
    rows = rows_of({"prompt": ["q {}"], "chosen": ["y {}"], "rejected": ["n {}"]})
    rows[3]["chosen"] = 7
    report = volume.rows(rows).inspect()
    assert report.suggestion.column_mapping["chosen"] == "chosen.0"
    assert report.suggestion.invalid_rows == "Drop"


def test_images_are_refused_without_a_suggestion(volume) -> None:
    columns = {"question": "q {}", "image": "{}.png", "better": "y {}", "worse": "n {}"}
    report = volume.rows(rows_of(columns)).inspect()
    assert [str(problem.code) for problem in report.errors] == ["ReservedColumn"]
    assert report.suggestion is None


PAIR = {"prompt": "q {}", "response_1": "one {}", "response_2": "two {}"}


@pytest.mark.parametrize("values", [(0, 1), (1, 2), (-1, 1), (0, 1, 2), (-2, 0, 3), (True, False)])
def test_the_sense_of_a_number_is_asked(volume, values: tuple[int, ...]) -> None:
    rows = [{**row, "label": values[n % len(values)]} for n, row in enumerate(rows_of(PAIR))]
    report = volume.rows(rows).inspect()
    assert report.suggestion is None
    senses = 4 if values == (0, 1, 2) else 2
    assert report.errors[0].message.count("verdict: {column: label") == senses


def test_a_column_for_each_answer_is_no_verdict_by_itself(volume) -> None:
    """Where one says 0 the other answer need not be preferred: the row may be a tie."""
    answers = {"prompt": "q {}", "response_a": "one {}", "response_b": "two {}"}
    rows = [
        {**row, "winner_model_a": int(n % 3 == 0), "winner_model_b": int(n % 3 == 1), "winner_tie": int(n % 3 == 2)}
        for n, row in enumerate(rows_of(answers))
    ]  # fmt: skip
    report = volume.rows(rows).inspect()
    assert report.suggestion is None
    assert "verdict: {column: winner, first: a, second: b, tie: tie}" in report.errors[0].message
    assert "column: winner_model_a" not in report.errors[0].message


def test_scores_prove_the_sense_of_a_number(volume) -> None:
    rows = [
        {**row, "label": n % 2, "score_1": n % 2, "score_2": 1 - n % 2}
        for n, row in enumerate(rows_of(PAIR))
    ]
    report = volume.rows(rows).inspect()
    label = {"column": "label", "first": "1", "second": "0"}
    assert report.suggestion.column_mapping["verdict"] == label


def test_a_label_that_scores_contradict_is_asked(volume) -> None:
    rows = [
        {**row, "label": n % 2, "score_1": n % 3, "score_2": 1}
        for n, row in enumerate(rows_of(PAIR))
    ]
    assert volume.rows(rows).inspect().suggestion is None


def test_a_column_of_few_values_is_not_taken_for_the_prompt(volume) -> None:
    rows = [
        {"product": f"crochet bag {n % 4}", "brief": f"Write a restock announcement, number {n}",
         "chosen": f"yes {n}", "rejected": f"no {n}"}
        for n in range(60)
    ]  # fmt: skip
    report = volume.rows(rows).inspect()
    assert report.suggestion.column_mapping == {"prompt": "brief"}


def test_two_columns_that_may_be_the_prompt_are_asked_for(volume) -> None:
    rows = rows_of(
        {"scene": "Night falls {}", "plot": "A thief {} ", "chosen": "y {}", "rejected": "n {}"}
    )
    report = volume.rows(rows).inspect()
    assert report.suggestion is None
    assert "Which column is the prompt is not certain: scene, plot" in report.errors[0].message


def test_nothing_repeats_that_no_row_is_left(volume) -> None:
    report = volume.rows(
        rows_of({"prompt": "q {}", "chosen": "same", "rejected": "same"})
    ).inspect()
    assert [str(problem.code) for problem in report.errors] == ["IdenticalPair"]
