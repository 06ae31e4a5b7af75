"""A .json file that is one object: rows inside it are read, and rows in another layout are reported."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.kit.inspection.volume_fixture import spec_of

from dpojob_trainer.inspection import InspectionError, accepted_rows
from dpojob_trainer.inspection.readers.json_document import describe_other_layout, nested_rows

ROWS = [{"prompt": f"q {n}", "chosen": f"yes {n}", "rejected": f"no {n}"} for n in range(3)]
BY_NUMBER = {name: {str(n): row[name] for n, row in enumerate(ROWS)} for name in ROWS[0]}
BY_KEY = {f"id{n}": row for n, row in enumerate(ROWS)}
OTHER_NAMES = {key: {"q": row["prompt"], "a": row["chosen"]} for key, row in BY_KEY.items()}
BY_COLUMN = {name: [row[name] for row in ROWS] for name in ROWS[0]}


def written(volume, value: Any, indent: int | None) -> Any:
    (volume.root / "pairs").mkdir()
    (volume.root / "pairs" / "train.json").write_text(json.dumps(value, indent=indent))
    return volume


@pytest.mark.parametrize("indent", [None, 2], ids=["on one line", "over lines"])
@pytest.mark.parametrize(
    ("value", "phrase"),
    [
        ({"train": BY_COLUMN, "test": BY_COLUMN}, r"several tables: train, test. Write each"),
        ({"train": BY_NUMBER, "dev": BY_COLUMN}, r"several tables: train, dev. Write each"),
        ({"train": ROWS, "test": ROWS[:1]}, r"several lists of rows: train, test. Write each"),
        ({"train": ROWS, "dev": ROWS, "test": ROWS}, r"lists of rows: train, dev, test"),
        (
            OTHER_NAMES,
            r"an object for each of id0, id1, id2. If these are rows, write them as a list",
        ),
    ],
)
def test_rows_in_another_layout_are_reported(volume, value: Any, phrase: str, indent: Any) -> None:
    with pytest.raises(InspectionError, match=phrase) as caught:
        written(volume, value, indent).inspect()
    assert caught.value.message.startswith("pairs/train.json is one object")


CONVERSATION = {
    side: [{"role": "user", "content": "q"}, {"role": "assistant", "content": side}]
    for side in ("chosen", "rejected")
}


@pytest.mark.parametrize("indent", [None, 2], ids=["on one line", "over lines"])
@pytest.mark.parametrize(
    ("value", "rows"),
    [
        ({"train": ROWS}, 3),
        ({"data": ROWS, "version": 1}, 3),
        ({"data": {"train": ROWS}}, 3),
        (BY_KEY, 3),
        ({"data": BY_KEY}, 3),
        (BY_KEY | {"id1": {**ROWS[1], "system": None}}, 3),
        (BY_NUMBER, 3),
        (BY_COLUMN, 3),
        ({"train": BY_COLUMN}, 3),
        ({"dataset": {"train": BY_NUMBER}}, 3),
        ({side: [turns] * 2 for side, turns in CONVERSATION.items()}, 2),
        (ROWS[0], 1),
        (CONVERSATION, 1),
    ],
)
def test_rows_that_can_be_recognised_are_read(volume, value: Any, rows: int, indent: Any) -> None:
    report = written(volume, value, indent).inspect({"eval": {"fraction": 0}})
    assert report.valid and report.rows == rows
    if isinstance(value, dict) and rows == len(ROWS):
        spec = spec_of({"eval": {"fraction": 0}})
        assert list(accepted_rows(spec, report, volume.volumes)) == ROWS


def test_an_object_in_many_objects_is_one_row(volume) -> None:
    value: Any = BY_COLUMN
    for _ in range(900):
        value = {"data": value}
    assert written(volume, value, None).inspect().rows == 1


def test_a_pair_of_messages_under_other_names_is_a_row(volume) -> None:
    report = written(
        volume, {"good": CONVERSATION["chosen"], "bad": CONVERSATION["rejected"]}, 2
    ).inspect()
    assert report.suggestion.column_mapping == {"chosen": "good", "rejected": "bad"}


def test_three_messages_are_a_row() -> None:
    """They have the same fields, as rows under their keys have."""
    row = {name: {"role": "user", "content": name} for name in ("prompt", "chosen", "rejected")}
    assert nested_rows(row) is None and describe_other_layout(row) is None


def test_lines_are_rows_whatever_the_first_holds(volume) -> None:
    volume.rows([{"prompts": ROWS, "answers": ROWS}] * 3, "train.json")
    assert volume.inspect().rows == 3


VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("01ab", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_any_value_is_rows_or_an_error_or_one_row(value: Any) -> None:
    assert nested_rows(value) is None or describe_other_layout(value) is None
