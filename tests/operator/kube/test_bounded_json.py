"""JSON of which one object is nested too deeply for `json.loads`."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpojob_operator.kube import bounded_json
from dpojob_operator.kube.bounded_json import MAX_DEPTH, loads, loads_list

PATTERN = bounded_json._TOKEN

SIGNS = '[]{}"\\aé\u0085😀'
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(SIGNS, max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(SIGNS), inner),
)


@given(values, st.booleans())
def test_shallow_values_stay_as_they_are(value: Any, ascii: bool) -> None:
    assert loads(json.dumps(value, ensure_ascii=ascii).encode()) == value


def depth_of(value: Any) -> int:
    """Levels of lists and mappings around the innermost value, which is null."""
    depth = 0
    while isinstance(value, list | dict):
        depth, value = depth + 1, value[0] if isinstance(value, list) else value["a"]
    assert value is None
    return depth


DEEP = {
    pair: ("[" if pair == "[]" else '{"a":') * 9000 + '"é"' + pair[1] * 9000
    for pair in ("[]", "{}")
}
BESIDE = ('{"name":"a]["}', '{"name":"\\"[["}')


@pytest.mark.parametrize("pair", DEEP)
def test_a_deep_value_becomes_null_and_its_neighbours_stay(pair: str) -> None:
    with pytest.raises(RecursionError):
        json.loads(DEEP[pair])
    values = loads(f"[[{BESIDE[0]},{DEEP[pair]},{BESIDE[1]}]]".encode())[0]
    assert (values[0], values[2]) == ({"name": "a]["}, {"name": '"[['})
    assert 2 + depth_of(values[1]) == MAX_DEPTH


@pytest.mark.parametrize("pair", DEEP)
def test_a_deep_item_is_cut_and_its_neighbours_stay(pair: str) -> None:
    text = f'{{"metadata":{DEEP[pair]},"items":[{BESIDE[0]},{DEEP[pair]},{BESIDE[1]}],"kind":"L"}}'
    answer = loads_list(text.encode(), lambda item: item)
    assert (answer["items"][0], answer["items"][2]) == ({"name": "a]["}, {"name": '"[['})
    assert depth_of(answer["items"][1]) == depth_of(answer["metadata"]) == MAX_DEPTH
    assert answer["kind"] == "L"


@pytest.mark.parametrize("levels", [MAX_DEPTH, MAX_DEPTH + 1])
def test_the_deepest_value_that_is_kept(levels: int) -> None:
    text = b"[" * levels + b"null" + b"]" * levels
    (item,) = loads_list(b'{"items":[' + text + b"]}", lambda item: item)["items"]
    assert depth_of(loads(text)) == depth_of(item) == MAX_DEPTH


def test_items_come_without_managed_fields() -> None:
    metadata = {"name": "x", "managedFields": [{"fieldsV1": {}}], "labels": {"managedFields": "y"}}
    item = f'{{"metadata":{json.dumps(metadata)},"spec":{{"managedFields":1,"a":%s}}}}'
    text = f'{{"items":[{item % 2},{item % DEEP["[]"]}]}}'
    items = loads_list(text.encode(), lambda item: item)["items"]
    for each in items:
        assert each["metadata"] == {"name": "x", "labels": {"managedFields": "y"}}
        assert each["spec"]["managedFields"] == 1


def test_a_number_of_many_digits_can_be_written_again() -> None:
    """The API server writes floats below 1e21 without an exponent."""
    text = '{"items":[[100000000000000000000,18446744073709551615,-9223372036854775809]]}'
    (item,) = loads_list(text.encode(), lambda item: item)["items"]
    assert orjson.loads(orjson.dumps(item)) == item == [1e20, 2**64 - 1, -9223372036854775809.0]


class Tokens:
    """The pattern of tokens, which counts those that it finds."""

    def __init__(self) -> None:
        self.found = 0

    def finditer(self, text: str, at: int) -> Iterator[re.Match[str]]:
        for token in PATTERN.finditer(text, at):
            self.found += 1
            yield token


def test_each_part_of_deep_items_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = Tokens()
    monkeypatch.setattr(bounded_json, "_TOKEN", tokens)
    text = ",".join(DEEP.values())
    loads_list(f'{{"items":[{",".join([text] * 10)}]}}'.encode(), lambda item: None)
    assert tokens.found == 10 * len(PATTERN.findall(text))


def test_a_page_with_one_emoji_takes_no_more_memory_than_its_bytes_twice() -> None:
    item = json.dumps({"a": ["x" * 100_000]})
    page = f'{{"items":["😀",{",".join([item] * 80)}]}}'.encode()
    tracemalloc.start()
    loads_list(page, lambda item: None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * len(page), "besides the page itself"


def test_each_item_is_reduced_before_the_next_one_is_parsed() -> None:
    taken: list[Any] = []
    with pytest.raises(ValueError):
        loads_list(b'{"items":[1,2,nonsense]}', taken.append)
    assert taken == [1, 2]


@given(
    st.dictionaries(st.text(max_size=3), values) | values,
    st.none() | st.lists(values),
    st.sampled_from([None, 2]),
    st.booleans(),
)
def test_the_items_of_a_list_are_reduced(
    body: Any, items: Any, indent: int | None, ascii: bool
) -> None:
    if isinstance(body, dict) and items is not None:
        body = {"kind": "List", **body, "items": items}
    expected = json.loads(json.dumps(body))
    if isinstance(expected, dict) and isinstance(expected.get("items"), list):
        expected["items"] = [[item] for item in expected["items"]]
    text = json.dumps(body, indent=indent, ensure_ascii=ascii).encode()
    assert loads_list(text, lambda item: [item]) == expected


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"items":[', '{"items":[1', '{"a":1', '{"a":1}}', "{1}", '{"a":' + "[" * 9000],
)
def test_a_cut_list_is_no_json(text: str) -> None:
    with pytest.raises(ValueError):
        loads_list(text.encode(), lambda item: item)
