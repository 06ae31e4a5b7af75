"""A block of JSON Lines as pyarrow types it, where that is surely what its lines say one by one.

pyarrow is quick and lenient: it takes two objects on a line, an object over two lines and bytes that
are no text, and nesting some thousand levels deep crashes it. Such blocks, those whose keys grow with
the rows, and those to whose values it finds no common type, are left to `objects`, which is exact; a
test holds both to each other.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json

from .key_growth_guard import Places, too_many_keys

OPENINGS = 800
"""`{` and `[` on a line, from which it might be nested too deeply."""
NEWLINE, RETURN, OPEN, CLOSE = b"\n\r{}"


def newlines(data: pa.Buffer) -> Places:
    """Where the lines end."""
    return np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE)


def typed(data: pa.Buffer, ends: Places) -> pa.Table | None:
    """The block's rows; None when reading it line by line might say anything else.

    `ends` are its `newlines`; it is not empty.
    """
    lines = _lines(data, ends)
    if lines is None or _is_deep(data, *lines) or not _is_unicode(data):
        return None
    if too_many_keys(data, *lines):
        return None
    try:
        table = _parsed(data, None)
        schema = pa.schema([f.with_type(_text_not_time(f.type)) for f in table.schema])
        if schema != table.schema:
            # pyarrow turns text that looks like a date into one; it is an answer all the same.
            table = _parsed(data, schema)
        # A null among the objects of a list comes out as a broken array (pyarrow 26), which crashes
        # whatever touches it.
        table.validate()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, RecursionError):
        return None
    return table if table.num_columns and table.num_rows == len(lines[0]) else None


def _parsed(data: pa.Buffer, schema: pa.Schema | None) -> pa.Table:
    return pa_json.read_json(
        pa.BufferReader(data),
        read_options=pa_json.ReadOptions(use_threads=False, block_size=data.size + 1),
        parse_options=pa_json.ParseOptions(explicit_schema=schema),
    )


def _lines(data: pa.Buffer, ends: Places) -> tuple[Places, Places] | None:
    """Where the lines start and end, if each but the blank ones is of the form `{...}`.

    After a `}` inside an unfinished object no `{` can follow, so lines of this form that pyarrow
    can read hold whole objects, and as many objects as lines are one on each.
    """
    text = np.frombuffer(data, np.uint8)
    if text[-1] != NEWLINE:
        ends = np.append(ends, len(text))
    starts = np.concatenate(([0], ends[:-1] + 1))
    blank = ends == starts
    if blank.any():
        starts, ends = starts[~blank], ends[~blank]
    last = text[ends - 1]
    if (last == RETURN).any():
        last = np.where(last == RETURN, text[ends - 2], last)
    if not len(starts) or (text[starts] != OPEN).any() or (last != CLOSE).any():
        return None
    return starts, ends


def _is_deep(data: pa.Buffer, starts: Places, ends: Places) -> bool:
    """Whether some line has so many openings that it might be nested too deeply."""
    long = np.flatnonzero(ends - starts > 2 * OPENINGS)
    if not len(long):
        return False
    opening = (np.frombuffer(data, np.uint8) | 0x20) == OPEN  # `[` becomes `{`
    spans = zip(starts[long].tolist(), ends[long].tolist(), strict=True)
    return any(np.count_nonzero(opening[start:end]) > OPENINGS for start, end in spans)


def _is_unicode(data: pa.Buffer) -> bool:
    """Whether all of it is UTF-8; pyarrow takes any bytes for text here."""
    bounds = pa.py_buffer(np.array([0, data.size], np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, bounds, data).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _text_not_time(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_text_not_time(kind.value_type))
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return pa.struct([field.with_type(_text_not_time(field.type)) for field in fields])
    return kind
