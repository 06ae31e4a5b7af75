"""Arrow columns as numpy sees them: text by its bytes, message lists by their messages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dpojob_trainer.inspection.columns.column_types import is_list, is_text
from dpojob_trainer.shared.messages import KEPT_KEYS, Dialect

Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]

NOTHING = np.zeros(0, np.uint8)

USER, ASSISTANT, SYSTEM, OTHER = range(4)


@dataclass(frozen=True)
class Texts:
    """A text column without nulls."""

    array: pa.Array
    offsets: Whole
    buffer: NDArray[np.uint8]

    @cached_property
    def data(self) -> bytes:
        """All values, one after another."""
        return self.buffer.tobytes()

    @classmethod
    def of(cls, array: pa.Array) -> Texts | None:
        """The column, or None when it is not valid text throughout."""
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
        width = np.int64 if pa.types.is_large_string(array.type) else np.int32
        found = np.frombuffer(offsets, width)[array.offset : array.offset + len(array) + 1]
        # A slice of a large column shares its buffer: only its own bytes are looked at.
        own = data.slice(int(found[0]), int(found[-1] - found[0]))
        return cls(array, (found - found[0]).astype(np.int64), np.frombuffer(own, np.uint8))

    def slices(self, indices: Whole) -> list[bytes]:
        """The bytes of some values."""
        starts = self.offsets[indices].tolist()
        ends = self.offsets[indices + 1].tolist()
        return list(map(self.data.__getitem__, map(slice, starts, ends)))

    @cached_property
    def visible(self) -> Mask:
        """Where the first or last byte is a printable ASCII character: surely not white space.

        Not where a value begins like a list of objects: only its whole text tells what that is.
        """
        if not len(self.buffer):
            return np.zeros(len(self.array), np.bool_)
        starts, ends = self.offsets[:-1], self.offsets[1:]
        data = self.buffer
        some = ends > starts
        first = data[np.minimum(starts, len(data) - 1)]
        last = data[np.maximum(ends - 1, 0)]
        mask: Mask = some & (((first > 32) & (first < 127)) | ((last > 32) & (last < 127)))
        listed = np.flatnonzero(first == ord("["))
        second = data[np.minimum(starts[listed] + 1, len(data) - 1)]
        mask[listed[second == ord("{")]] = False
        return mask

    def characters(self) -> Whole:
        """Length of each value in characters."""
        return np.asarray(pc.utf8_length(self.array)).astype(np.int64)


def _only_part(contents: pa.Array) -> pa.Array:
    """The texts of contents that are lists of one text part each; else what is no text."""
    nothing = pa.nulls(1)
    if contents.null_count or not (
        pa.types.is_list(contents.type) or pa.types.is_large_list(contents.type)
    ):
        return nothing
    offsets = np.asarray(contents.offsets)
    parts = contents.values.slice(offsets[0], offsets[-1] - offsets[0])
    if not pa.types.is_struct(parts.type) or parts.null_count or (np.diff(offsets) != 1).any():
        return nothing
    fields = dict(zip([field.name for field in parts.type], parts.flatten(), strict=True))
    sort, text = fields.get("type"), fields.get("text")
    if text is None:
        return nothing
    if sort is None or sort.null_count == len(sort):
        return text
    return text if is_text(sort.type) and pc.all(pc.equal(sort, "text")).as_py() else nothing


@dataclass(frozen=True)
class Talks:
    """A column of message lists without nulls: messages one after another, `offsets` by row."""

    offsets: Whole
    roles: NDArray[np.int8]
    contents: Texts

    @classmethod
    def of(cls, array: pa.Array, dialect: Dialect) -> Talks | None:
        """The column, or None when its messages are not a role and a text each, as training gets them."""
        if (
            not is_list(array.type)
            or not pa.types.is_struct(array.type.value_type)
            or array.null_count
        ):
            return None
        if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
            return None
        offsets = np.asarray(array.offsets).astype(np.int64)
        values = array.values.slice(offsets[0], offsets[-1] - offsets[0])
        if values.null_count:
            return None
        fields = dict(zip([field.name for field in values.type], values.flatten(), strict=True))
        role, content = fields.pop(dialect.role, None), fields.pop(dialect.content, None)
        if role is None or content is None or {dialect.role, dialect.content} & set(KEPT_KEYS):
            return None
        if any(len(fields[key]) != fields[key].null_count for key in KEPT_KEYS if key in fields):
            return None
        contents = Texts.of(_only_part(content) if is_list(content.type) else content)
        if contents is None or role.null_count:
            return None
        if pa.types.is_dictionary(role.type):
            role = role.dictionary_decode()
        if not is_text(role.type):
            return None
        coded = role.dictionary_encode()
        known = {dialect.system: SYSTEM, dialect.assistant: ASSISTANT, dialect.user: USER}
        codes = np.array([known.get(name, OTHER) for name in coded.dictionary.to_pylist()], np.int8)
        roles = codes[np.asarray(coded.indices)] if len(codes) else np.zeros(0, np.int8)
        return cls(offsets - offsets[0], roles, contents)

    @classmethod
    def answers(cls, texts: Texts) -> Talks:
        """Each text as the assistant's only turn."""
        count = len(texts.array)
        return cls(np.arange(count + 1), np.full(count, ASSISTANT, np.int8), texts)

    @cached_property
    def counts(self) -> Whole:
        """Messages in each row."""
        return np.diff(self.offsets)

    def any(self, messages: Mask) -> Mask:
        """Rows with such a message."""
        total = np.concatenate(([0], np.cumsum(messages)))
        return np.asarray(total[self.offsets[1:]] > total[self.offsets[:-1]])

    def at(self, messages: NDArray[np.generic], place: Whole) -> NDArray[np.generic]:
        """A property of the message at `place` (an index into all messages) of each row."""
        if not len(messages):
            return np.zeros(len(place), messages.dtype)
        return messages[np.minimum(np.maximum(place, 0), len(messages) - 1)]
