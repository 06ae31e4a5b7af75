"""Layouts outside TRL's own are read once their columns are mapped, and their traps are errors."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.kit.inspection.volume_fixture import InspectionVolume, codes, spec_of

from dpojob_trainer.inspection import accepted_rows

WHOLE = {"eval": {"fraction": 0}}
SHAREGPT = {"role": "from", "content": "value", "user": "human", "assistant": "gpt"}
LABEL = {"column": "winner", "first": ["a", "1"], "second": ["b", 2], "tie": "tie"}


def turn(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def gpt(role: str, text: str) -> dict[str, str]:
    return {"from": role, "value": text}


def read(volume: InspectionVolume, rows: list[Any], dataset: dict[str, Any]) -> list[Any]:
    """What training gets of the rows, by either reader, with equal results."""
    found = []
    for name in ("train.jsonl", "train.parquet"):
        for old in volume.root.glob("pairs/*"):
            old.unlink()
        volume.rows(rows)
        if name.endswith("parquet"):
            (volume.root / "pairs" / "train.jsonl").unlink()
            pq.write_table(pa.Table.from_pylist(rows), volume.root / "pairs" / name)
        report = volume.inspect({**WHOLE, **dataset})
        assert report.valid, report.problems
        found.append(list(accepted_rows(spec_of({**WHOLE, **dataset}), report, volume.volumes)))
    assert found[0] == found[1]
    return found[0]


ROW = {
    "prompt": [turn("user", "q")],
    "chosen": [turn("assistant", "yes")],
    "rejected": [turn("assistant", "no")],
}
TEXT = {"prompt": "q", "chosen": "yes", "rejected": "no"}
MAPPED: list[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        "ShareGPT, an answer is one object",
        {
            "conversations": [gpt("human", "q")],
            "chosen": gpt("gpt", "yes"),
            "rejected": gpt("gpt", "no"),
        },
        {"prompt": "conversations", "messages": SHAREGPT},
        ROW,
    ),
    (
        "from beside content",
        {
            "conversations": [{"from": "user", "content": "q"}],
            "chosen": {"from": "assistant", "content": "yes"},
            "rejected": {"from": "assistant", "content": "no"},
        },
        {"prompt": "conversations", "messages": {"role": "from"}},
        ROW,
    ),
    (
        "one message beside a prompt of text",
        {"prompt": "q", "chosen": turn("assistant", "yes"), "rejected": turn("assistant", "no")},
        {},
        ROW,
    ),
    (
        "content parts {type, value}",
        {
            name: [{"role": turn["role"], "content": [{"type": "text", "value": turn["content"]}]}]
            for name, (turn,) in ROW.items()
        },
        {},
        ROW,
    ),
    (
        "instruction and input",
        {"instruction": "Translate", "input": "hola", "chosen": "hello", "rejected": "bye"},
        {"prompt": ["instruction", "input"]},
        {"prompt": "Translate\n\nhola", "chosen": "hello", "rejected": "bye"},
    ),
    (
        "an empty part",
        {"instruction": "Sing", "input": "", "chosen": "la", "rejected": "no"},
        {"prompt": ["instruction", "input"]},
        {"prompt": "Sing", "chosen": "la", "rejected": "no"},
    ),
    (
        "a context before the question",
        {"context": "c", **TEXT},
        {"prompt": ["context", "prompt"]},
        {**TEXT, "prompt": "c\n\nq"},
    ),
    (
        "fields of an object",
        {"question": "q", "answers": {"good": "yes", "bad": "no"}},
        {"prompt": "question", "chosen": "answers.good", "rejected": "answers.bad"},
        TEXT,
    ),
    (
        "both answers in a list",
        {"instruction": "q", "output": ["yes", "no"]},
        {"prompt": "instruction", "chosen": "output.0", "rejected": "output.1"},
        TEXT,
    ),
    (
        "a column with a dot in its name",
        {"prompt": "q", "a.b": "yes", "a": {"b": "trap"}, "rejected": "no"},
        {"chosen": "a.b"},
        TEXT,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "mapping", "expected"), [case[1:] for case in MAPPED], ids=[case[0] for case in MAPPED]
)
def test_a_mapped_layout_is_read(volume, row, mapping, expected) -> None:
    assert read(volume, [row] * 3, {"columnMapping": mapping}) == [expected] * 3


TWO = {"question": "q", "a": "one", "b": "two"}
BY_LABEL = {"prompt": "question", "chosen": "a", "rejected": "b", "verdict": LABEL}


def test_a_label_decides_each_row(volume) -> None:
    rows = [{**TWO, "winner": w} for w in ("a", "B ", "1", "2", "tie", "Tie")]
    found = read(volume, rows, {"columnMapping": BY_LABEL})
    first = {"prompt": "q", "chosen": "one", "rejected": "two"}
    second = {"prompt": "q", "chosen": "two", "rejected": "one"}
    assert found == [first, second, first, second]
    assert volume.inspect({"columnMapping": BY_LABEL}).dropped == {"Tie": 2}


def test_numbers_and_booleans_are_labels_as_json_has_them(volume) -> None:
    rows = [{**TWO, "winner": w} for w in (1, 2, 1.0, -1, True)]
    label = {**LABEL, "first": [1, True], "second": [2, "-1"]}
    mapping = {**BY_LABEL, "verdict": label}
    report = volume.rows(rows).inspect({**WHOLE, "columnMapping": mapping})
    assert report.valid, report.problems
    found = accepted_rows(spec_of({**WHOLE, "columnMapping": mapping}), report, volume.volumes)
    assert [row["chosen"] for row in found] == ["one", "two", "one", "two", "one"]


def test_a_label_that_is_not_listed_is_an_error(volume) -> None:
    rows = [{**TWO, "winner": w} for w in ("a", "b", "neither", None)]
    report = volume.rows(rows).inspect({"columnMapping": BY_LABEL})
    assert codes(report) == {"WrongType": 1, "NullValue": 1}
    assert "'winner' is 'neither', which columnMapping.verdict does not list" in (
        report.errors[0].message + report.errors[1].message
    )


BY_SCORES = {"prompt": "question", "chosen": "a", "rejected": "b"}


@pytest.mark.parametrize("better", [{}, {"better": "Higher"}, {"better": "Lower"}])
def test_the_better_score_decides_each_row(volume, better: dict[str, str]) -> None:
    rows = [{**TWO, "x": x, "y": y} for x, y in (("2", 1.5), ("-1", -2.0), ("3", 3.0))]
    mapping = {**BY_SCORES, "scores": {"first": "x", "second": "y", **better}}
    found = read(volume, rows, {"columnMapping": mapping})
    first, second = ("two", "one") if better == {"better": "Lower"} else ("one", "two")
    assert [(row["chosen"], row["rejected"]) for row in found] == [(first, second)] * 2
    assert volume.inspect({"columnMapping": mapping}).dropped == {"Tie": 1}


def test_an_answer_without_a_score_is_an_error(volume) -> None:
    rows = [{**TWO, "x": x, "y": 1} for x in ("2", None, "high", "", "0")]
    mapping = {**BY_SCORES, "scores": {"first": "x", "second": "y"}}
    report = volume.rows(rows).inspect({"columnMapping": mapping})
    assert codes(report) == {"NullValue": 1, "WrongType": 2}
    messages = " ".join(problem.message for problem in report.errors)
    assert "'x' is null" in messages and "'x' is 'high', not a number" in messages


def test_columns_of_scores_that_do_not_exist_are_named(volume) -> None:
    mapping = {**BY_SCORES, "scores": {"first": "score_x", "second": "y"}}
    report = volume.rows([{**TWO, "score_a": 1, "y": 2}]).inspect({"columnMapping": mapping})
    assert codes(report) == {"MissingColumn": 0}
    assert "columnMapping.scores names 'score_x'" in report.errors[0].message


def test_a_list_of_too_few_answers_is_an_error(volume) -> None:
    rows = [{"instruction": "q", "output": ["yes", "no", "maybe"][:n]} for n in (2, 3, 1)]
    mapping = {"prompt": "instruction", "chosen": "output.0", "rejected": "output.1"}
    report = volume.rows(rows).inspect({"columnMapping": mapping})
    assert codes(report) == {"WrongType": 1}
    assert "'output' has fewer than the 2 elements that are mapped" in report.errors[0].message
    assert "only the first 2 elements are read, and some have more" in report.warnings[0].message


def test_parts_of_a_prompt_that_are_no_text_are_errors(volume) -> None:
    rows = [{**TEXT, "context": context} for context in (["a"], 3, None, " ")]
    report = volume.rows(rows).inspect({"columnMapping": {"prompt": ["context", "prompt"]}})
    assert codes(report) == {"WrongType": 2}


def test_a_misspelt_part_is_absent(volume) -> None:
    mapping = {"prompt": ["instruction", "imput"]}
    row = {"instruction": "i", "input": "j", "chosen": "yes", "rejected": "no"}
    report = volume.rows([row]).inspect({"columnMapping": mapping})
    assert "columnMapping.prompt names 'imput', which the dataset does not have; did you mean "
    assert "'input'" in report.errors[0].message


CALL = {"name": "weather", "arguments": {"city": "Rome"}}


def test_sharegpt_tool_roles_are_read(volume) -> None:
    row = {
        "conversations": [
            gpt("system", "be kind"),
            gpt("human", "q"),
            gpt("function_call", json.dumps(CALL)),
            gpt("observation", "sunny"),
        ],
        "tools": json.dumps([CALL]),
        "chosen": "It is sunny",
        "rejected": "No idea",
    }
    mapping = {"prompt": "conversations", "messages": SHAREGPT}
    (found,) = read(volume, [row], {"columnMapping": mapping})
    assert found["prompt"] == [
        turn("system", "be kind"),
        turn("user", "q"),
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"type": "function", "function": CALL}],
        },
        turn("tool", "sunny"),
    ]
    assert json.loads(found["tools"]) == [CALL]


@pytest.mark.parametrize("text", ["weather(Rome)", "[]", '{"arguments": {}}', "3"])
def test_a_call_that_is_no_json_is_an_error(volume, text: str) -> None:
    turns = [gpt("human", "q"), gpt("function_call", text), gpt("observation", "sunny")]
    row = {"conversations": turns, "chosen": "yes", "rejected": "no"}
    mapping = {"prompt": "conversations", "messages": SHAREGPT}
    report = volume.rows([row]).inspect({"columnMapping": mapping})
    assert codes(report)["BadMessage"] == 1
    assert "is not JSON with a name and arguments" in report.errors[0].message
