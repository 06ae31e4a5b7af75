"""What is suggested for missing columns does no harm when it is pasted, and nothing is lost unsaid."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.inspection.volume_fixture import spec_of

from dpojob_trainer.inspection import accepted_rows
from dpojob_trainer.inspection.columns.column_heuristics import (
    NEGATED,
    NOT_PREFERRED,
    PREFERRED,
    guess,
    preference_of,
)


def table(columns: dict[str, Any], rows: int = 5) -> list[dict[str, Any]]:
    """Rows whose texts differ by their number, where `{}` is written."""

    def filled(value: Any, number: int) -> Any:
        if isinstance(value, list):
            return [{**turn, "content": turn["content"].format(number)} for turn in value]
        return value.format(number) if isinstance(value, str) else value

    return [{name: filled(value, n) for name, value in columns.items()} for n in range(rows)]


def warned(report: Any) -> list[str]:
    return [p.message for p in report.warnings if p.code == "MissingColumn"]


def mapping(report: Any) -> dict[str, Any]:
    return report.suggestion.column_mapping if report.suggestion else {}


# A prompt, or a part of it, is not lost.

SHARED = {"chosen": "Answer: {}", "rejected": "Answer: no {}"}


@pytest.mark.parametrize("name", ["q", "title", "frage", "x"])
def test_a_text_column_that_reads_like_prompts_is_asked_for(volume, name: str) -> None:
    rows = table({name: "What is {0} and {0}?", **SHARED})
    report = volume.rows(rows).inspect()
    assert not report.valid
    assert "the beginning that both answers share, write columnMapping: {chosen" in (
        report.errors[0].message
    )
    assert mapping(report) == {"prompt": name}
    assert volume.inspect({"columnMapping": mapping(report)}).mapping.prompt == name


def test_naming_both_answers_says_that_the_prompt_is_in_them(volume) -> None:
    rows = table({"q": "What is {0} and {0}?", **SHARED})
    both = {"columnMapping": {"chosen": "chosen", "rejected": "rejected"}}
    report = volume.rows(rows).inspect(both)
    assert report.valid and report.implicit_prompt
    assert "'q' is not read" in warned(report)[0]


@pytest.mark.parametrize(
    "beside",
    [
        {"source": "open assistant"},
        {"prompt_id": "a1 {}"},
        {"id": "row {}"},
        {"language": "en"},
        {"question": "Answer:"},
        {"rationale": "because of {}"},
        {"original_rejected": "some other {}"},
        {"reference_answer": "the right {}"},
        {"instruction": "Say {}", "chosen": "Say {}: yes", "rejected": "Say {}: no"},
    ],
)
def test_a_column_that_is_no_prompt_is_not_asked_for(volume, beside: dict[str, str]) -> None:
    report = volume.rows(table({**SHARED, **beside}, rows=20)).inspect()
    assert report.valid, report.problems
    assert warned(report) == []


def test_a_question_beside_answers_of_one_turn_is_the_prompt(volume) -> None:
    answers = {side: [{"role": "assistant", "content": side + " {}"}] for side in SHARED}
    report = volume.rows(table({"question": "q {}", **answers})).inspect()
    assert mapping(report) == {"prompt": "question"}
    assert volume.inspect({"columnMapping": mapping(report)}).valid


def test_a_system_text_under_another_name_is_reported(volume) -> None:
    rows = table({"system_prompt": "a pirate", "prompt": "q {}", **SHARED})
    report = volume.rows(rows).inspect()
    assert report.valid
    assert "'system_prompt' is not read" in warned(report)[0]
    assert mapping(report) == {"system": "system_prompt"}
    again = volume.inspect({"columnMapping": mapping(report)})
    assert (again.mapping.system, warned(again)) == ("system_prompt", [])


ALPACA = {"instruction": "Translate", "input": "text {}", **SHARED}


def test_an_instruction_and_its_input_are_joined(volume) -> None:
    report = volume.rows(table(ALPACA)).inspect()
    assert mapping(report) == {"prompt": ["instruction", "input"]}
    assert volume.inspect({"columnMapping": mapping(report)}).valid


def test_a_part_of_the_prompt_that_is_not_read_is_reported(volume) -> None:
    report = volume.rows(table(ALPACA)).inspect({"columnMapping": {"prompt": "instruction"}})
    assert "'input' is not read, and may be a part of the prompt" in warned(report)[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("history", [["hi", "hello"]]), ("documents", ["one", "two"]), ("passage", "a long text {}")],
)
def test_what_belongs_to_the_prompt_and_is_not_read_is_reported(volume, name: str, value) -> None:
    rows = table({"prompt": "q {}", **SHARED})
    assert warned(volume.rows(rows).inspect()) == []
    assert warned(volume.rows([{**row, name: []} for row in rows]).inspect()) == []
    (message,) = warned(volume.rows([{**row, name: value} for row in rows]).inspect())
    assert f"{name!r} is not read" in message and "a part of the prompt" in message


def test_an_empty_part_is_no_part(volume) -> None:
    report = volume.rows(table({**ALPACA, "input": ""})).inspect()
    assert mapping(report) == {"prompt": "instruction"}


# Which column is which.


@pytest.mark.parametrize("turned", [False, True], ids=["chosen first", "rejected first"])
@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        ("selected", "not_chosen"), ("chosen_reply", "unchosen_reply"), ("liked", "disliked"),
        ("preferred_reply", "unpreferred_reply"), ("winning_text", "unpreferred_response"),
        ("correct", "incorrect"), ("accept", "reject"), ("response_good", "response_bad"),
        ("chosen_", "rejected_"), ("y_w", "y_l"), ("response_j", "response_k"),
        ("best_answer", "less_preferred"), ("choosen", "rejcted"),
    ],
)  # fmt: skip
def test_names_are_never_turned_round(volume, chosen: str, rejected: str, turned: bool) -> None:
    answers = [(chosen, "yes {}"), (rejected, "no {}")]
    columns = {"prompt": "q {}", **dict(reversed(answers) if turned else answers)}
    report = volume.rows(table(columns)).inspect()
    assert mapping(report) == {"chosen": chosen, "rejected": rejected}


@pytest.mark.parametrize(
    ("columns", "suggested"),
    [
        ({"prompt_id": "{}", "title": "x", "good": "y {}", "bad": "n"}, ("good", "bad")),
        ({"prompt": "p", "chosen_id": 4, "rejected_id": 5, "pos_text": "y {}", "neg_text": "n"},
         ("pos_text", "neg_text")),
        ({"prompt": "p", "chosen_score": "4", "chosen_answer": "y {}", "rejected_answer": "n"},
         ("chosen_answer", "rejected_answer")),
        ({"prompt": "p", "good": 7, "chosen_text": "y {}", "rejected_text": "n"},
         ("chosen_text", "rejected_text")),
    ],
)  # fmt: skip
def test_only_columns_of_texts_are_suggested(volume, columns: Any, suggested: Any) -> None:
    found = mapping(volume.rows(table(columns)).inspect())
    assert (found["chosen"], found["rejected"]) == suggested
    assert "prompt" not in found


TURNS = {"role": "user", "content": "q {}"}, {"role": "assistant", "content": "a {}"}


LABELS = [
    ({"conversation_a": list(TURNS), "conversation_b": list(TURNS), "winner": "model_a"},
     {"column": "winner", "first": "model_a", "second": "model_b"}),
    ({"model_a": "gpt", "model_b": "llama", "prompt": "p", "winner": "model_a",
      "response_a": "y {}", "response_b": "n"},
     {"column": "winner", "first": "model_a", "second": "model_b"}),
    ({"prompt": "p", "response_0": "y {}", "response_1": "n", "better_response_id": 1},
     {"column": "better_response_id", "first": "0", "second": "1"}),
    ({"prompt": "p", "chosen": "A", "response_a": "y {}", "response_b": "n"},
     {"column": "chosen", "first": "a", "second": "b"}),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "label"), LABELS)
def test_a_column_that_names_the_better_answer_is_a_label(volume, columns, label) -> None:
    report = volume.rows(table(columns)).inspect()
    assert mapping(report)["verdict"] == label
    assert "model_b' look" not in report.errors[0].message


def test_scores_decide_between_two_of_any_name(volume) -> None:
    columns = {"history": "p {}", "human_ref_A": "y {}", "human_ref_B": "n", "labels": 1}
    report = volume.rows(table({**columns, "score_A": 5, "score_B": 2})).inspect()
    wanted = {"prompt": "history", "chosen": "human_ref_A", "rejected": "human_ref_B"}
    assert mapping(report) == wanted


def test_roles_in_capitals_are_suggested(volume) -> None:
    def turns(answer: str) -> list[dict[str, str]]:
        conversation_turns = (("User", "q {}"), ("Assistant", answer))
        return [{"role": role, "content": text} for role, text in conversation_turns]

    report = volume.rows(table({"chosen": turns("yes {}"), "rejected": turns("no {}")})).inspect()
    assert mapping(report) == {"messages": {"user": "User", "assistant": "Assistant"}}
    assert volume.inspect({"columnMapping": mapping(report)}).valid


# By names alone.

WORDS = st.sampled_from(
    sorted({*PREFERRED, *NOT_PREFERRED, "response", "text", "id", "score", "model"})
)
NAMES = st.lists(WORDS, min_size=1, max_size=3).map("_".join)


@given(st.lists(NAMES, unique=True))
def test_no_column_is_suggested_for_what_its_name_denies(names: list[str]) -> None:
    chosen, rejected = guess("chosen", names), guess("rejected", names)
    assert chosen is None or preference_of(chosen) >= 0
    assert rejected is None or preference_of(rejected) <= 0
    for name in (chosen, rejected):
        assert name is None or not {"id", "score"} & set(name.split("_"))


@given(st.sampled_from(sorted(PREFERRED)), st.sampled_from([*NEGATED, "not_", "less_", "non_"]))
def test_a_denied_preference_is_a_rejection(word: str, prefix: str) -> None:
    assert preference_of(prefix + word) == -1


@pytest.mark.parametrize(
    ("columns", "wanted"),
    [
        (
            {"query": "What is {}?", "response": "It is {}.", "rejected_response": "No {}."},
            {"prompt": "query", "chosen": "response", "rejected": "rejected_response"},
        ),
        (
            {side: [{"role": "user", "content": "What is {}?"}, {"role": "assistant", "content": f"{side} {{}}"}]
             for side in ("messages", "rejected_messages")},
            {"chosen": "messages", "rejected": "rejected_messages"},
        ),
        (
            {"query": "What is {}?", "text": "It is {}.", "rejected_response": "No {}."},
            {},
        ),
    ],
    ids=["texts", "conversations", "another name"],
)  # fmt: skip
def test_the_answer_that_a_rejected_one_is_called_after_is_the_chosen(
    volume, columns: dict[str, Any], wanted: dict[str, str]
) -> None:
    report = volume.rows(table(columns)).inspect()
    assert mapping(report) == wanted
    if wanted:
        assert volume.inspect({"columnMapping": wanted}).valid


@pytest.mark.parametrize("field", ["response", "text"])
def test_the_only_text_of_answers_that_are_objects_is_suggested(volume, field: str) -> None:
    def answer(text: str) -> dict[str, Any]:
        return {field: text, "score": 5, "model": f"m of {text}"}

    rows = [
        {"prompt": f"What is {n}?", "chosen": answer(f"It is {n}."), "rejected": answer(f"No {n}.")}
        for n in range(5)
    ]
    report = volume.rows(rows).inspect()
    assert mapping(report) == {"chosen": f"chosen.{field}", "rejected": f"rejected.{field}"}
    assert volume.inspect({"columnMapping": mapping(report)}).valid
    rows = [{**row, "chosen": {**row["chosen"], "more": "fine"}} for row in rows]
    assert mapping(volume.rows(rows).inspect()) == {}


def test_scores_that_differ_by_row_order_the_answers(volume) -> None:
    rows = [
        {"prompt": f"What is {n}?", "answer_0": f"a {n}", "answer_1": f"b {n}", "score_0": n % 2, "score_1": 0.5}
        for n in range(6)
    ]  # fmt: skip
    report = volume.rows(rows).inspect()
    dataset = {"columnMapping": mapping(report), "eval": {"fraction": 0}}
    found = list(accepted_rows(spec_of(dataset), volume.inspect(dataset), volume.volumes))
    assert [row["chosen"] for row in found] == [f"{'ba'[n % 2]} {n}" for n in range(6)]
