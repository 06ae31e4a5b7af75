"""A JSON text that is small in a file and large in memory is refused before it is parsed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dpojob_trainer.inspection.readers import json as json_reader
from dpojob_trainer.inspection.readers import read_file
from dpojob_trainer.inspection.readers.json_rows import DECODER
from dpojob_trainer.inspection.readers.json_values import MAX_ROW_VALUES, has_more_values
from dpojob_trainer.inspection.sources import DataFile
from dpojob_trainer.shared.errors import InspectionError

MANY = MAX_ROW_VALUES + 1


def read(path: Path) -> list[int]:
    """The number of rows of each batch."""
    file = DataFile(path.name, path, path.stat().st_size)
    return [len(batch) for batch in read_file(file)]


@pytest.mark.parametrize("value", ["[]", "{}", "1", '""'])
@pytest.mark.parametrize("layout", ["lines.jsonl", "list.json"])
def test_a_row_of_a_million_values_is_refused(tmp_path: Path, value: str, layout: str) -> None:
    row = '{"prompt":[' + ",".join([value] * MANY * 5) + "]}"
    path = tmp_path / layout
    path.write_text(row + "\n" if layout == "lines.jsonl" else f"[{row}]")
    with pytest.raises(InspectionError, match=r"holds more than 1,048,576 values"):
        read(path)


def test_a_document_of_many_values_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "MAX_DOCUMENT_VALUES", 100)
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"data": [{"prompt": [1]}] * 50}))
    with pytest.raises(InspectionError, match=r"one JSON object, holds more than 100 values"):
        read(path)


@pytest.mark.parametrize("layout", ["lines.jsonl", "list.json"])
def test_separators_inside_a_text_are_no_values(tmp_path: Path, layout: str) -> None:
    row = json.dumps({"prompt": 'a, "b", [c] \\' * MANY})
    path = tmp_path / layout
    path.write_text(row + "\n" if layout == "lines.jsonl" else f"[{row}]")
    assert read(path) == [1]


def test_rows_of_few_values_in_a_long_list_are_read(tmp_path: Path) -> None:
    """Their values together are more than a row may have."""
    rows = [{"scores": [1] * 1000}] * (2 * MANY // 1000)
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows, separators=(",", ":")))
    assert sum(read(path)) == len(rows)


def test_a_batch_of_long_rows_is_bounded_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "BATCH_CHARACTERS", 1000)
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"prompt": "x" * 400}] * 10))
    assert max(read(path)) == 3


def test_the_count_is_never_below_the_values_inside() -> None:
    values = ['[[],{},[1,"a,b"]]', '{"a":{"b":[]},"c":null}', "[]", '["[,{"]', '["\\\\",2]']
    for text in values:
        count = _count(DECODER.decode(text)) - 1
        assert not has_more_values(text.encode(), 2 * count + 2)
        assert count == 0 or has_more_values(text.encode(), count - 1)


def _count(value: object) -> int:
    """The value and those inside it, but for keys."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count, inner))


class CountingKey(str):
    """A key that counts how often it is compared."""

    comparisons = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        CountingKey.comparisons += 1
        return str.__eq__(self, other)


def test_a_key_twice_among_many_is_found_by_few_comparisons() -> None:
    keys = [CountingKey(number) for number in [*range(2000), 1999]]
    with pytest.raises(ValueError, match=r"the key '1999' occurs twice"):
        DECODER.object_pairs_hook([(key, None) for key in keys])  # type: ignore[misc]
    assert CountingKey.comparisons < 10 * len(keys)
