"""JSON of which one object is nested too deeply for `json.loads`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpojob_operator.kube.bounded_json import (
    MAX_DEPTH,
    MAX_WHOLE_LIST,
    loads,
    loads_list,
    without_deep_values,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text('[]{}"\\a', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\'), inner),
)


@given(values, st.booleans())
def test_shallow_values_stay_byte_for_byte(value: Any, ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=ascii).encode()
    assert without_deep_values(text) == text


@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_a_deep_value_becomes_null_and_its_neighbours_stay(pair: str) -> None:
    begin = pair[0] if pair == "[]" else '{"a":'
    deep = begin * 9000 + "1" + pair[1] * 9000
    with pytest.raises(RecursionError):
        json.loads(deep)
    items = loads(f'{{"items":[{{"name":"a]["}},{deep},{{"name":"\\"[["}}]}}'.encode())["items"]
    assert (items[0], items[2]) == ({"name": "a]["}, {"name": '"[['})
    depth, inner = 2, items[1]
    while isinstance(inner, list | dict):
        depth, inner = depth + 1, inner[0] if isinstance(inner, list) else inner["a"]
    assert (depth, inner) == (MAX_DEPTH, None)


def test_the_deepest_value_that_is_kept() -> None:
    text = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert without_deep_values(text) == text
    assert without_deep_values(b"[" + text + b"]") != text


@given(
    st.dictionaries(st.text(max_size=3), values) | values,
    st.none() | st.lists(values),
    st.sampled_from([None, 2]),
    st.sampled_from([0, MAX_WHOLE_LIST]),
)
def test_the_items_of_a_list_are_reduced(
    body: Any, items: Any, indent: int | None, max_whole: int
) -> None:
    if isinstance(body, dict) and items is not None:
        body = {"kind": "List", **body, "items": items}
    expected = json.loads(json.dumps(body))
    if isinstance(expected, dict) and isinstance(expected.get("items"), list):
        expected["items"] = [[item] for item in expected["items"]]
    assert (
        loads_list(json.dumps(body, indent=indent).encode(), lambda item: [item], max_whole)
        == expected
    )


@pytest.mark.parametrize(
    "text", ["", "{", '{"items":[', '{"items":[1', '{"a":1', '{"a":1}}', "{1}"]
)
def test_a_cut_list_is_no_json(text: str) -> None:
    with pytest.raises(ValueError):
        loads_list(text.encode(), lambda item: item)
