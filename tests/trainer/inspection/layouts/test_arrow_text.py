"""Text columns over Arrow buffers as files may hold them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from dpojob_trainer.inspection.layouts import TextColumn, arrow_array

OFFSETS = [0, 2, 5, 9]


@pytest.mark.parametrize(("kind", "width"), [(pa.string(), "i4"), (pa.large_string(), "i8")])
@pytest.mark.parametrize("surplus", [b"", b"\0", b"\xff" * 9], ids=["none", "1 byte", "9 bytes"])
def test_offsets_may_lie_in_a_larger_buffer(kind: pa.DataType, width: str, surplus: bytes) -> None:
    offsets = pa.py_buffer(np.array(OFFSETS, width).tobytes() + surplus)
    array = pa.Array.from_buffers(kind, 3, [None, offsets, pa.py_buffer(b"aabbbcccc")])
    column = TextColumn.of(array)
    assert column is not None
    assert column.slices(np.arange(3)) == [b"aa", b"bbb", b"cccc"]
    later = TextColumn.of(array.slice(1, 1))
    assert later is not None
    assert later.slices(np.arange(1)) == [b"bbb"]


@pytest.mark.parametrize(
    "values",
    [
        np.arange(20)[::3],
        np.array([-1, 2, 3], np.int8),
        np.arange(11) % 3 == 0,
        np.zeros(0, np.bool_),
        np.zeros(0, np.int64),
    ],
    ids=["every third", "small", "truth values", "no truth values", "no numbers"],
)
def test_an_arrow_array_has_the_values_and_the_type_of_the_numpy_array(values: Any) -> None:
    made = arrow_array(values)
    made.validate(full=True)
    assert made.equals(pa.array(values))
