"""A CSV file gives the rows that a strict reader finds in it, or it is refused."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.readers import read_file
from dpojob_trainer.inspection.readers.csv_quotes import QuoteCheck
from dpojob_trainer.inspection.sources import DataFile

field = st.text(st.sampled_from(['"', ",", "\n", " ", "a", "é"]), max_size=4)
pieces = st.lists(st.sampled_from(['"', '""', ",", "\n", "a", " ", '",', '"a"']), max_size=24)


def _read(text: str) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.csv"
        path.write_bytes(text.encode())
        found = read_file(DataFile("rows.csv", path, len(text)))
        return [list(row.values()) for batch in found for row in batch.rows()]


@settings(deadline=None)
@given(st.lists(st.tuples(field, field), max_size=6), st.integers(1, 9))
def test_what_a_writer_wrote_is_plain_and_read_back(rows, size) -> None:
    sink = io.StringIO(newline="")
    csv.writer(sink, lineterminator="\n").writerows([("x", "y"), *rows])
    data = sink.getvalue().encode()
    quotes = QuoteCheck(",")
    for start in range(0, len(data), size):
        quotes.feed(data[start : start + size])
    assert quotes.is_regular()
    assert _read(sink.getvalue()) == [list(row) for row in rows]


@settings(max_examples=300, deadline=None)
@given(pieces)
def test_no_row_is_made_of_several(body) -> None:
    text = "x,y\n" + "".join(body)
    try:
        found = _read(text)
    except InspectionError:
        return
    strict = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert found == [row for row in list(strict)[1:] if row]
