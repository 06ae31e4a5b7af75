"""Arrow text columns as numpy arrays of offsets and bytes, without a Python object for each value, and the way back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

NOTHING = np.zeros(0, np.uint8)


def is_text(kind: pa.DataType) -> bool:
    """Tell whether values of a type are text, in any of Arrow's layouts.

    Args:
        kind: The type.

    Returns:
        Whether they are.
    """
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_list(kind: pa.DataType) -> bool:
    """Tell whether values of a type are lists, in any of Arrow's layouts.

    Args:
        kind: The type.

    Returns:
        Whether they are.
    """
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
        or pa.types.is_fixed_size_list(kind)
    )


def arrow_array(values: BoolArray | NDArray[np.integer[Any]]) -> pa.Array:
    """Make an Arrow array of a numpy array.

    `pa.array` does too, but imports numpy's masked arrays for it, which takes long.

    Args:
        values: Shape (n,), numbers or truth values.

    Returns:
        The same values, of which none is null.
    """
    stored = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else values
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(
        kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(stored))]
    )


@dataclass(frozen=True)
class TextColumn:
    """A text column without nulls."""

    array: pa.Array
    offsets: IntArray
    buffer: NDArray[np.uint8]

    @cached_property
    def data(self) -> bytes:
        """All values, one after another."""
        return self.buffer.tobytes()

    @classmethod
    def of(cls, array: pa.Array) -> TextColumn | None:
        """View an Arrow array as a column of text.

        Args:
            array: The array, plain or dictionary-encoded.

        Returns:
            The column; None when a value is null or no valid text.
        """
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if not is_text(array.type) or array.null_count:
            return None
        if pa.types.is_string_view(array.type):
            array = array.cast(pa.large_string())
        try:
            array.validate(full=True)
        except pa.ArrowInvalid:
            return None
        _, offsets, data = array.buffers()
        if offsets is None or data is None or not len(array):
            return cls(array, np.zeros(len(array) + 1, np.int64), NOTHING)
        width = 8 if pa.types.is_large_string(array.type) else 4
        # A file may give the buffer any size from what the offsets take.
        found = np.frombuffer(offsets, f"i{width}", len(array) + 1, width * array.offset)
        # A slice of a large column shares its buffer: only its own bytes are looked at.
        own = data.slice(int(found[0]), int(found[-1] - found[0]))
        return cls(array, (found - found[0]).astype(np.int64), np.frombuffer(own, np.uint8))

    def slices(self, indices: IntArray) -> list[bytes]:
        """Copy the bytes of some values.

        Args:
            indices: The positions of the values.

        Returns:
            Their UTF-8 bytes, in that order.
        """
        starts = self.offsets[indices].tolist()
        ends = self.offsets[indices + 1].tolist()
        return list(map(self.data.__getitem__, map(slice, starts, ends)))

    def texts(self, indices: IntArray) -> list[str]:
        """Copy some values.

        Args:
            indices: The positions of the values.

        Returns:
            The values, in that order.
        """
        return [str(data, "utf-8") for data in self.slices(indices)]

    @cached_property
    def visible(self) -> BoolArray:
        """Where the first or last byte is a printable ASCII character: surely not white space.

        Not where a value begins like a list of objects or of texts: only its whole text tells what that is.
        """
        if not len(self.buffer):
            return np.zeros(len(self.array), np.bool_)
        starts, ends = self.offsets[:-1], self.offsets[1:]
        data = self.buffer
        some = ends > starts
        first = data[np.minimum(starts, len(data) - 1)]
        last = data[np.maximum(ends - 1, 0)]
        mask: BoolArray = some & (((first > 32) & (first < 127)) | ((last > 32) & (last < 127)))
        listed = np.flatnonzero(first == ord("["))
        second = data[np.minimum(starts[listed] + 1, len(data) - 1)]
        # Compared one by one: numpy.isin imports masked arrays, which nothing else here needs.
        begins = (second == ord("{")) | (second == ord('"')) | (second == ord("'"))
        mask[listed[begins]] = False
        return mask

    def contains_any(self, parts: Iterable[bytes]) -> BoolArray:
        """Tell which values contain one of some byte strings.

        Args:
            parts: The byte strings; few values should contain any.

        Returns:
            Shape (rows,): whether the value contains one, or one begins in it and ends in the next.
        """
        found = np.zeros(len(self.array), np.bool_)
        offsets = self.offsets
        for part in parts:
            at = self.data.find(part)
            while at >= 0:
                row = bisect_right(offsets, at) - 1
                found[row] = True
                at = self.data.find(part, int(offsets[row + 1]))
        return found

    def characters(self) -> IntArray:
        """Count the characters of each value.

        Returns:
            Shape (rows,): lengths in Unicode characters.
        """
        return np.asarray(pc.utf8_length(self.array)).astype(np.int64)
