"""The vectorized validator accepts only what the row validator accepts, with the same figures."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kit.inspection.both_validators import LIST, TEXT, agree, sound_message, words

from dpojob_trainer.inspection.layouts import ColumnLayout, preset_by_name
from dpojob_trainer.inspection.validation import BatchValidator
from dpojob_trainer.inspection.validation.vectorized_validator import validate_columns

role = st.sampled_from(["user", "assistant", "assistant", "user", "system", "tool", "gpt", None])
message = st.one_of(
    st.none(), st.fixed_dictionaries({"role": role, "content": st.one_of(words, words, st.none())})
)
answer = st.builds(lambda text: [{"role": "assistant", "content": text}], words)


@st.composite
def whole(draw: st.DrawFn) -> dict[str, Any]:
    shared = draw(st.lists(sound_message, max_size=3))
    return {"chosen": shared + draw(answer), "rejected": shared + draw(answer)}


texts = st.fixed_dictionaries(
    dict.fromkeys(("prompt", "chosen", "rejected"), st.one_of(words, words, st.none()))
)
lists = st.fixed_dictionaries(
    dict.fromkeys(("chosen", "rejected"), st.one_of(st.none(), st.lists(message, max_size=3)))
)
conversations = st.fixed_dictionaries(
    {"prompt": st.lists(sound_message, max_size=3), "chosen": answer, "rejected": answer}
)
rows_with_prompt = st.fixed_dictionaries({"prompt": words, "chosen": answer, "rejected": answer})
rows_without_prompt = st.builds(
    lambda row: {**row, "prompt": row["chosen"][-2]["content"] if len(row["chosen"]) > 1 else "?"},
    whole(),
)
instructed = st.fixed_dictionaries(
    {
        "prompt": words,
        "chosen": words,
        "rejected": words,
        "system": st.one_of(st.none(), words, st.sampled_from(["be kind", "be é"])),
    }
)
part = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["text", "text", "text", "image", None]),
        "text": st.one_of(words, st.just("t")),
    }
)
parted = st.lists(part, min_size=1, max_size=2).filter(
    lambda parts: len(parts) == 1 or parts[0]["text"]
)


@st.composite
def in_parts(draw: st.DrawFn) -> dict[str, Any]:
    row = draw(whole())
    usual = draw(st.booleans())

    def content(text: str) -> list[dict[str, Any]]:
        return [{"type": "text", "text": text}] if usual else draw(parted)

    return {
        name: [{"role": turn["role"], "content": content(turn["content"])} for turn in turns]
        for name, turns in row.items()
    }


PARTS = pa.list_(
    pa.struct([("role", TEXT), ("content", pa.list_(pa.struct([("type", TEXT), ("text", TEXT)])))])
)
NAMES = ("prompt", "chosen", "rejected", "system")
SHAPES = [
    (texts, (TEXT, TEXT, TEXT)),
    (lists, (None, LIST, LIST)),
    (whole(), (None, LIST, LIST)),
    (conversations, (LIST, LIST, LIST)),
    (rows_with_prompt, (TEXT, LIST, LIST)),
    (rows_without_prompt, (TEXT, LIST, LIST)),
    (instructed, (TEXT, TEXT, TEXT, TEXT)),
    (in_parts(), (None, PARTS, PARTS)),
]


def _table(rows: list[dict[str, Any]], kinds: tuple[Any, ...], variant: int) -> pa.RecordBatch:
    names = [name for name, kind in zip(NAMES, kinds, strict=False) if kind]
    types = [kind for kind in kinds if kind]
    schema = pa.schema(list(zip(names, types, strict=True)))
    if variant == 1:
        schema = pa.schema(
            [(n, pa.large_string() if t == TEXT else t) for n, t in zip(names, types, strict=True)]
        )
    batch = pa.RecordBatch.from_pylist(rows, schema)
    if variant == 2:
        columns = [c.dictionary_encode() if c.type == TEXT else c for c in batch.columns]
        batch = pa.RecordBatch.from_arrays(columns, names)
    if variant == 3 and len(rows) > 1:
        batch = pa.RecordBatch.from_pylist([rows[0], *rows], schema).slice(1)
    return batch


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(range(len(SHAPES))), st.integers(0, 3), st.booleans())
def test_both_validators_agree(data, shape, variant, chat) -> None:
    strategy, kinds = SHAPES[shape]
    batch = _table(data.draw(st.lists(strategy, min_size=1, max_size=6)), kinds, variant)
    layout = ColumnLayout({name: name for name in batch.schema.names})
    agree(BatchValidator(layout, chat), batch)


def test_plain_rows_pass_the_vectorized_validator() -> None:
    """Without this, a vectorized validator that accepted nothing would agree too."""
    user_turn = [{"role": "user", "content": "q"}]
    yes, no = ([{"role": "assistant", "content": word}] for word in ("yes", "no"))
    for rows in (
        {"prompt": "q", "chosen": "yes", "rejected": "no"},
        {"chosen": user_turn + yes, "rejected": user_turn + no},
        {"prompt": user_turn, "chosen": yes, "rejected": no},
        {"prompt": "q", "chosen": yes, "rejected": no},
        {"prompt": "q", "chosen": user_turn + yes, "rejected": user_turn + no},
        {"prompt": "q", "chosen": "yes", "rejected": "no", "system": "be kind"},
        {"prompt": "q", "chosen": "yes", "rejected": "no", "system": ""},
        {"prompt": "q\n\n### Response:\n", "chosen": "yes", "rejected": "éa"},
        {"prompt": "q\nAssistant:", "chosen": "yes", "rejected": "no", "system": "be kind"},
        {
            side: [{"role": r, "content": [{"type": "text", "text": t}]} for r, t in turns]
            for side, turns in {
                "chosen": [("user", "q"), ("assistant", "yes")],
                "rejected": [("user", "q"), ("assistant", "no")],
            }.items()
        },
    ):
        batch = pa.RecordBatch.from_pylist([rows] * 3)
        found = validate_columns(ColumnLayout({name: name for name in rows}), batch, True)
        assert found is not None and found.positions.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "answer", [" yes", "\u00a0yes", "\u3000yes", "yes\nHuman: more", "[INST] yes"]
)
def test_an_answer_that_its_prompts_mark_changes_is_read_row_by_row(answer: str) -> None:
    row = {"prompt": "q\nAssistant:", "chosen": "yes", "rejected": "no"}
    for part in ("chosen", "rejected"):
        batch = pa.RecordBatch.from_pylist([row, row | {part: answer}])
        found = validate_columns(ColumnLayout({name: name for name in row}), batch, True)
        assert found is not None and found.positions.tolist() == [0]


def test_ties_of_a_preset_are_left_out() -> None:
    preset = preset_by_name("ultrafeedback-preferences")
    assert preset is not None
    row = {"instruction": "q", "chosen_response": "a", "rejected_response": "b"}
    rows = [
        {**row, "chosen_avg_rating": 4.0, "rejected_avg_rating": other}
        for other in (3.0, 4.0, None)
    ]
    found = validate_columns(
        ColumnLayout(preset.columns, preset=preset), pa.RecordBatch.from_pylist(rows), True
    )
    assert found is not None and found.positions.tolist() == [0, 2]


spoken = st.lists(
    st.sampled_from(
        [
            "\n\nHuman:",
            "\n\nAssistant:",
            "\nHuman:",
            "\nAssistant:",
            " hi",
            "yes",
            " ",
            "\n",
            "\u00a0",
            "\x1f",
            "é",
            "Human:",
        ]
    ),
    max_size=5,
).map("".join)


@st.composite
def transcript(draw: st.DrawFn) -> dict[str, Any]:
    opening = draw(spoken)
    line = draw(st.sampled_from(["\n\n", "\n\n", "\n"]))
    if draw(st.booleans()):
        opening = f"{line}Human: how?{opening}"
    found = {side: f"{opening}{line}Assistant:{draw(spoken)}" for side in ("chosen", "rejected")}
    return found | draw(st.sampled_from([{}, {}, {}, {"chosen": None}, {"rejected": "no marks"}]))


compared = st.fixed_dictionaries(
    {
        "context": st.lists(sound_message, max_size=3),
        "response1": st.one_of(words, words, st.none()),
        "response2": words,
        "overall_preference": st.sampled_from([-3, -1, 0, 2, None]),
    }
)
SPOKEN = pa.schema([("chosen", TEXT), ("rejected", TEXT)])
COMPARED = pa.schema(
    [
        ("context", LIST),
        ("response1", TEXT),
        ("response2", TEXT),
        ("overall_preference", pa.int64()),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.data(), st.booleans())
@pytest.mark.parametrize(
    ("name", "strategy", "schema"),
    [("hh-rlhf", transcript(), SPOKEN), ("helpsteer3", compared, COMPARED)],
)
def test_converted_batches_agree_with_converted_rows(name, strategy, schema, data, chat) -> None:
    preset = preset_by_name(name)
    assert preset is not None
    rows = data.draw(st.lists(strategy, min_size=1, max_size=6))
    batch = pa.RecordBatch.from_pylist([rows[0], *rows], schema).slice(1)
    agree(BatchValidator(ColumnLayout(preset.columns, preset=preset), chat), batch)


@pytest.mark.parametrize("row", [
    {"chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: yes",
     "rejected": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: no"},
    {"context": [{"role": "user", "content": "q"}], "response1": "a", "response2": "b", "overall_preference": 1},
])  # fmt: skip
def test_usual_rows_of_presets_pass_the_vectorized_validator(row) -> None:
    preset = preset_by_name("hh-rlhf" if "chosen" in row else "helpsteer3")
    assert preset is not None
    batch = pa.RecordBatch.from_pylist([row] * 3)
    found = validate_columns(ColumnLayout(preset.columns, preset=preset), batch, True)
    assert found is not None and found.positions.tolist() == [0, 1, 2]
