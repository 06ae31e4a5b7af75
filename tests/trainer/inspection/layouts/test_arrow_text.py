"""Text columns over Arrow buffers as files may hold them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from dpojob_trainer.inspection.layouts import TextColumn

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
