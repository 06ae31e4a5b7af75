"""Marks of turns inside texts: read as turns, refused in answers, warned about in prompts."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.inspection.tokenizer_models import TRIMS, make_model
from tests.kit.inspection.volume_fixture import codes, spec_of

from dpojob_trainer.inspection import accepted_rows

WHOLE = {"eval": {"fraction": 0}}


def rows_of(volume, dataset: dict[str, Any] = WHOLE) -> list[dict[str, Any]]:
    report = volume.inspect(dataset)
    assert report.valid, report.problems
    return list(accepted_rows(spec_of(dataset), report, volume.volumes))


def warnings(report: Any) -> dict[str, Any]:
    return {problem.code.value: problem for problem in report.warnings}


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def test_transcripts_with_single_line_ends_are_read_as_turns(volume) -> None:
    asked = "Human: a?\nAssistant: b\nHuman: c?\nAssistant:"
    volume.rows([{"chosen": f"{asked} yes", "rejected": f"{asked} no\n"}])
    (row,) = rows_of(volume)
    assert row["prompt"] == [turn("user", "a?"), turn("assistant", "b"), turn("user", "c?")]
    assert row["chosen"] == [turn("assistant", "yes")]
    assert row["rejected"] == [turn("assistant", "no")]


def test_single_line_ends_within_a_transcript_with_empty_lines_are_text(volume) -> None:
    asked = "\n\nHuman: a play\n\nAssistant: "
    volume.rows([{"chosen": f"{asked}One.\nHuman: hi", "rejected": f"{asked}no"}])
    (row,) = rows_of(volume)
    assert row["chosen"] == [turn("assistant", "One.\nHuman: hi")]


def test_single_line_transcripts_with_two_questions_are_refused(volume) -> None:
    row = {"chosen": "Human: center a div\nAssistant: yes", "rejected": "Human: a\nAssistant: no"}
    assert codes(volume.rows([row]).inspect())["PromptMismatch"] == 1


MARKS = [
    "<|im_start|>user\nwhy?", "<|start_header_id|>user<|end_header_id|>", "<|assistant|>\nyes",
    "<start_of_turn>model", "<extra_id_1>User", "\n\nHuman: why?", "\n\nAssistant: so",
    "<｜User｜>why?", "<|header_start|>user<|header_end|>", "<|start_of_role|>user<|end_of_role|>",
    "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>why?", "<|start|>user<|message|>why?", "<|prompter|>why?", "<reserved_106>why?",
]  # fmt: skip


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("as_messages", [False, True])
@pytest.mark.parametrize("side", ["chosen", "rejected"])
def test_an_answer_with_the_mark_of_another_turn_is_refused(
    volume, mark: str, as_messages: bool, side: str
) -> None:
    row: dict[str, Any] = {"prompt": "q", "chosen": "yes", "rejected": "no"}
    bad = {**row, side: f"well {mark}"}
    rows = [row, bad, row]
    if as_messages:
        rows = [
            {**one, **{name: [turn("assistant", one[name])] for name in ("chosen", "rejected")}}
            for one in rows
        ]
    report = volume.rows(rows).inspect()
    assert codes(report) == {"TemplateInText": 1}
    assert report.errors[0].examples == [1]
    assert f"the answer in {side!r} holds the turn mark" in report.errors[0].message


@pytest.mark.parametrize("text", ["a <b> | c", "### Answer: 4", "Use\nHuman: in a play", "<|x|>"])
def test_ordinary_text_like_marks_is_accepted(volume, text: str) -> None:
    report = volume.rows([{"prompt": text, "chosen": f"yes {text}", "rejected": "no"}]).inspect()
    assert report.valid and "TemplateInText" not in warnings(report)


@pytest.mark.parametrize("prompt", [
    "<|im_start|>user\nq<|im_end|>", "a<|eot_id|>", "q [/INST]", "\n\nHuman: q\n\nAssistant:",
    "### Question: q\n### Answer:", "q\nAssistant: ", "<｜User｜>q<｜Assistant｜>", "a<|eot|>",
    "q<|END_OF_TURN_TOKEN|>", "q<|end_of_turn|>",
])  # fmt: skip
@pytest.mark.parametrize("as_messages", [False, True])
def test_a_prompt_with_marks_is_warned_about(volume, prompt: str, as_messages: bool) -> None:
    asked: Any = [turn("system", "s"), turn("user", prompt)] if as_messages else prompt
    row = {"prompt": asked, "chosen": "yes", "rejected": "no"}
    plain = {**row, "prompt": [turn("user", "q")] if as_messages else "q"}
    report = volume.rows([plain, row]).inspect()
    assert report.valid
    found = warnings(report)["TemplateInText"]
    assert (found.rows, found.examples) == (1, [1])
    assert "message lists" in found.message


def test_both_ways_of_validation_warn_alike(volume) -> None:
    """With a tokenizer each row is made a pair; without one columns are validated as a whole."""
    rows = [
        {"prompt": prompt, "chosen": "yes", "rejected": "no"}
        for prompt in ("q", "<|im_start|>user\nq<|im_end|>", "q\nAssistant:", "r")
    ] + [{"prompt": "q", "chosen": "a b", "rejected": "a  b"}]
    volume.rows(rows)
    columns = warnings(volume.inspect())
    make_model(volume.root / "model", TRIMS)
    pairs = warnings(volume.inspect())
    for code in ("TemplateInText", "WhiteSpacePair"):
        assert columns[code] == pairs[code]
    assert columns["TemplateInText"].examples == [1, 2]


def test_headings_of_a_transcript_in_one_text_are_marks(volume) -> None:
    asked = "### Question: why?\n### Answer:"
    rows = [{"chosen": f"{asked} so {n}", "rejected": f"{asked} no {n}"} for n in range(3)]
    report = volume.rows(rows).inspect()
    assert report.valid and warnings(report)["TemplateInText"].rows == 3
    split = {
        "chosen": "### Question: a b\n### Answer: c",
        "rejected": "### Question: a d\n### Answer: e",
    }
    assert codes(volume.rows([*rows, split]).inspect()) == {"TemplateInText": 1}


def test_no_answer_begins_with_the_space_of_its_mark(volume) -> None:
    """The template writes its own separator; a text model continues the text as it was."""
    asked = "Question: why?\nAnswer:"
    volume.rows([{"chosen": f"{asked} so", "rejected": f"{asked}\nno"}])
    (row,) = rows_of(volume)
    assert (row["chosen"], row["rejected"]) == (" so", "\nno")
    make_model(volume.root / "model", TRIMS)
    (row,) = rows_of(volume)
    assert row["chosen"] == [turn("assistant", "so")]
    assert row["rejected"] == [turn("assistant", "no")]


OPENINGS = [
    "### Question: why {}?\n### Answer:",
    "### Instruction:\nSay {}\n\n### Response:\n",
    "User: why {}?\nAssistant:",
    "Question: why {}?\nAnswer:",
    "### Question: a {}\n### Answer: b\n### Question: c\n### Answer:",
    "A chat with an assistant. USER: why {}? ASSISTANT:",
    "Instruct: why {}?\nOutput:",
    "Q: why {}?\nA:",
    "Human: why {}?\nAI:",
    "问：为什么 {}？\n答：",
]


def test_marks_before_words_that_both_answers_share_are_warned_about(volume) -> None:
    """The common beginning ends after the shared words then, not with the mark."""
    rows = [
        {side: f"{opening.format(n)} The answer is {side} {n}" for side in ("chosen", "rejected")}
        for n, opening in enumerate(OPENINGS)
    ]
    plain = {"chosen": "Is it so? Yes", "rejected": "Is it so? No"}
    for model in ("", TRIMS):
        if model:
            make_model(volume.root / "model", model)
        report = volume.rows([*rows, plain]).inspect(WHOLE)
        assert report.valid, report.problems
        assert warnings(report)["TemplateInText"].rows == len(rows)


@pytest.mark.parametrize(
    "mark",
    [
        "<|im_end|>",
        "<|eot_id|>",
        "<end_of_turn>",
        "[INST] b [/INST]",
        "<｜end▁of▁sentence｜>",
        "<|end|>",
    ],
)
@pytest.mark.parametrize("as_messages", [False, True])
def test_the_marks_of_a_template_in_an_answer_are_warned_about(
    volume, mark: str, as_messages: bool
) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": f"q {n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(4)
    ]
    rows[2]["rejected"] += mark
    if as_messages:
        rows = [
            {**row, **{name: [turn("assistant", row[name])] for name in ("chosen", "rejected")}}
            for row in rows
        ]
    report = volume.rows(rows).inspect()
    assert report.valid
    found = warnings(report)["TemplateInText"]
    assert (found.rows, found.examples) == (1, [2])
    assert "an answer of 1 row" in found.message and "Remove them" in found.message


CONTINUED = [
    ("Human: q\nAssistant:", " yes\nHuman: go on\nAssistant: so"),
    ("q\nAssistant:", "yes\nUser: go on\nAssistant: so"),
    ("### Instruction:\nq\n\n### Response:\n", "yes\n\n### Instruction:\nand?"),
    ("[INST] q [/INST]", "yes [INST] and? [/INST] so"),
]


@pytest.mark.parametrize(("prompt", "answer"), CONTINUED)
def test_an_answer_that_continues_the_transcript_of_its_prompt_is_refused(
    volume, prompt: str, answer: str
) -> None:
    row = {"prompt": prompt, "chosen": "yes", "rejected": "no"}
    report = volume.rows([row, {**row, "chosen": answer}, row]).inspect()
    assert codes(report) == {"TemplateInText": 1}
    assert report.errors[0].examples == [1]


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("q\n### Response:", "### Question\nA heading, not a turn"),
        ("Question: 6 * 7?\nAnswer:", "Six sevens.\nAnswer: 42"),
        ("Write a play.", "Enter\nHuman: hello\nAssistant: hello"),
    ],
)
def test_headings_and_dialogues_in_an_answer_are_its_text(volume, prompt: str, answer: str) -> None:
    rows = [{"prompt": f"{n}. {prompt}", "chosen": answer, "rejected": "no"} for n in range(3)]
    assert volume.rows(rows).inspect().valid


@pytest.mark.parametrize(
    "mark",
    [
        "\n\nHuman: q\n\nAssistant:",
        "### Question: q\n### Answer:",
        "<｜User｜>q<｜Assistant｜>",
        "POST: q\n\nTL;DR:",
    ],
)
def test_an_answer_after_a_mark_in_the_prompt_column_begins_without_its_space(
    volume, mark: str
) -> None:
    pairs = [
        {"prompt": mark, "chosen": " Well.", "rejected": "\nNo."},
        {"prompt": "q", "chosen": " Well.", "rejected": " No."},
    ]
    volume.rows(pairs)
    assert [row["chosen"] for row in rows_of(volume)] == [" Well.", " Well."]
    make_model(volume.root / "model", TRIMS)
    marked, plain = rows_of(volume)
    assert marked["chosen"] == [turn("assistant", "Well.")]
    assert marked["rejected"] == [turn("assistant", "No.")]
    assert plain["chosen"] == [turn("assistant", " Well.")]
