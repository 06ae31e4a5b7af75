"""Both validators agree on paths into columns, single messages as answers, preference labels and joined prompts."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.inspection.both_validators import LIST, TEXT, agree, sound_message, words

from dpojob_api.spec import ColumnMapping
from dpojob_trainer.inspection.layouts import ColumnLayout, mapped_names
from dpojob_trainer.inspection.validation import BatchValidator
from dpojob_trainer.inspection.validation.vectorized_validator import validate_columns

MESSAGE = pa.struct([("from", TEXT), ("value", TEXT)])
PART = pa.struct([("type", TEXT), ("text", TEXT), ("value", TEXT)])
GPT = {"role": "from", "content": "value", "user": "human", "assistant": "gpt"}

maybe = st.one_of(words, words, st.none())
role = st.sampled_from(["human", "gpt", "gpt", "observation", "function_call", None])
message = st.one_of(
    st.none(), *[st.fixed_dictionaries({"from": role, "value": maybe})] * 4
)  # fmt: skip
part = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", None]), "text": maybe, "value": maybe}
)
parted = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": st.lists(part, min_size=1, max_size=2)}
)
CASES: dict[str, tuple[Any, pa.Schema, dict[str, Any]]] = {
    "one message an answer": (
        st.fixed_dictionaries(
            {"talk": st.lists(message, max_size=3), "chosen": message, "rejected": message}
        ),
        pa.schema([("talk", pa.list_(MESSAGE)), ("chosen", MESSAGE), ("rejected", MESSAGE)]),
        {"prompt": "talk", "messages": GPT},
    ),
    "one message beside text": (
        st.fixed_dictionaries({"prompt": maybe, "chosen": message, "rejected": message}),
        pa.schema([("prompt", TEXT), ("chosen", MESSAGE), ("rejected", MESSAGE)]),
        {"messages": GPT},
    ),
    "fields of objects": (
        st.fixed_dictionaries(
            {
                "input": st.one_of(
                    st.none(),
                    st.fixed_dictionaries({"messages": st.lists(sound_message, max_size=2)}),
                ),
                "answers": st.one_of(
                    st.none(), st.fixed_dictionaries({"good": maybe, "bad": maybe})
                ),
            }
        ),
        pa.schema(
            [
                ("input", pa.struct([("messages", LIST)])),
                ("answers", pa.struct([("good", TEXT), ("bad", TEXT)])),
            ]
        ),
        {"prompt": "input.messages", "chosen": "answers.good", "rejected": "answers.bad"},
    ),
    "a label": (
        st.fixed_dictionaries(
            {
                "prompt": words,
                "a": maybe,
                "b": maybe,
                "winner": st.sampled_from(["a", "B", " b ", "tie", "c", "", None]),
            }
        ),
        pa.schema([(name, TEXT) for name in ("prompt", "a", "b", "winner")]),
        {
            "chosen": "a", "rejected": "b",
            "verdict": {"column": "winner", "first": "a", "second": "b", "tie": "tie"},
        },
    ),
    "a label in numbers": (
        st.fixed_dictionaries(
            {
                "prompt": words,
                "a": maybe,
                "b": maybe,
                "label": st.sampled_from([0.0, 1.0, 2.0, 0.5, float("nan"), None]),
            }
        ),
        pa.schema([*((name, TEXT) for name in ("prompt", "a", "b")), ("label", pa.float64())]),
        {
            "chosen": "a", "rejected": "b",
            "verdict": {"column": "label", "first": 0, "second": [1], "tie": 2},
        },
    ),
    "scores": (
        st.fixed_dictionaries(
            {
                "prompt": words,
                "a": maybe,
                "b": maybe,
                "one": st.sampled_from([0.0, 1.0, -1.5, float("nan"), float("inf"), None]),
                "two": st.sampled_from([0, 1, 2, None]),
            }
        ),
        pa.schema(
            [
                *((name, TEXT) for name in ("prompt", "a", "b")),
                ("one", pa.float64()),
                ("two", pa.int64()),
            ]
        ),
        {
            "chosen": "a", "rejected": "b",
            "scores": {"first": "one", "second": "two", "better": "Lower"},
        },
    ),
    "parts with values": (
        st.fixed_dictionaries(
            {
                "prompt": words,
                "chosen": st.lists(parted, min_size=1, max_size=1),
                "rejected": st.lists(parted, min_size=1, max_size=1),
            }
        ),
        pa.schema(
            [
                ("prompt", TEXT),
                *(
                    (name, pa.list_(pa.struct([("role", TEXT), ("content", pa.list_(PART))])))
                    for name in ("chosen", "rejected")
                ),
            ]
        ),
        {},
    ),
    "a joined prompt": (
        st.fixed_dictionaries(dict.fromkeys(("prompt", "input", "chosen", "rejected"), maybe)),
        pa.schema([(name, TEXT) for name in ("prompt", "input", "chosen", "rejected")]),
        {"prompt": ["prompt", "input"]},
    ),
    "elements of a list": (
        st.fixed_dictionaries({"prompt": words, "output": st.lists(maybe, min_size=1, max_size=3)}),
        pa.schema([("prompt", TEXT), ("output", pa.list_(TEXT))]),
        {"chosen": "output.0", "rejected": "output.1"},
    ),
}  # fmt: skip


def layout_of(mapping: dict[str, Any]) -> ColumnLayout:
    columns = {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected", **mapping}
    spec = ColumnMapping.model_validate(columns)
    return ColumnLayout.of(mapped_names(spec), spec)


@settings(max_examples=80, deadline=None)
@given(st.data(), st.booleans())
@pytest.mark.parametrize("case", CASES)
def test_both_validators_agree_on_other_layouts(case: str, data: st.DataObject, chat: bool) -> None:
    strategy, schema, mapping = CASES[case]
    rows = data.draw(st.lists(strategy, min_size=1, max_size=6))
    batch = pa.RecordBatch.from_pylist([rows[0], *rows], schema).slice(1)
    agree(BatchValidator(layout_of(mapping), chat), batch)


def test_usual_rows_of_other_layouts_pass_the_vectorized_validator() -> None:
    """Without this, a vectorized validator that accepted none of them would agree too."""
    talk = [{"from": "human", "value": "q"}]
    yes, no = ({"from": "gpt", "value": text} for text in ("yes", "no"))
    answers = {"chosen": yes, "rejected": no}
    usual: dict[str, dict[str, Any]] = {
        "one message an answer": {"talk": talk, **answers},
        "one message beside text": {"prompt": "q", **answers},
        "fields of objects": {
            "input": {"messages": [{"role": "user", "content": "q"}]},
            "answers": {"good": "yes", "bad": "no"},
        },
        "a label": {"prompt": "q", "a": "yes", "b": "no", "winner": "B"},
        "a label in numbers": {"prompt": "q", "a": "yes", "b": "no", "label": 1.0},
    }
    for case, row in usual.items():
        _, schema, mapping = CASES[case]
        batch = pa.RecordBatch.from_pylist([row] * 3, schema)
        found = validate_columns(layout_of(mapping), batch, True)
        assert found is not None and found.positions.tolist() == [0, 1, 2], case
