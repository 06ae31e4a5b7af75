"""Parses a block of JSON Lines with pyarrow, where the result surely equals that of line by line.

pyarrow is fast and lenient: it accepts two objects on a line, an object over two lines and bytes that
are not UTF-8, and nesting some thousand levels deep crashes it. Such blocks, blocks whose keys grow with
the rows, and blocks whose values have no common type are left to `json_rows`, which is exact. A test
compares both.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.json as pa_json

from .json_values import MAX_ROW_VALUES, has_more_values
from .key_growth_guard import Positions, too_many_keys

MAX_OPENINGS = 800
"""With more `{` and `[` than this, a line may be nested too deeply for pyarrow."""
NEWLINE, CARRIAGE_RETURN, OPEN, CLOSE = b"\n\r{}"


def newlines(data: pa.Buffer) -> Positions:
    """Find the line ends.

    Args:
        data: The bytes.

    Returns:
        Their positions.
    """
    return np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE)


def parse_block(data: pa.Buffer, ends: Positions) -> pa.Table | None:
    """Parse a block.

    Args:
        data: The block; not empty.
        ends: The positions of its line ends, from `newlines`.

    Returns:
        The rows, or None where parsing line by line may give another result.
    """
    lines = _lines(data, ends)
    if lines is None or _may_be_too_deep(data, *lines) or not _is_utf8(data):
        return None
    if too_many_keys(data, *lines) or _has_too_many_values(data, *lines):
        return None
    try:
        table = _read_table(data, None)
        schema = pa.schema([f.with_type(_time_as_text(f.type)) for f in table.schema])
        if schema != table.schema:
            # pyarrow converts text that looks like a date; answers must remain text.
            table = _read_table(data, schema)
        # A null among the objects of a list gives an invalid array (pyarrow 26), which crashes the
        # process when it is used.
        table.validate()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, RecursionError):
        return None
    return table if table.num_columns and table.num_rows == len(lines[0]) else None


def _read_table(data: pa.Buffer, schema: pa.Schema | None) -> pa.Table:
    return pa_json.read_json(
        pa.BufferReader(data),
        read_options=pa_json.ReadOptions(use_threads=False, block_size=data.size + 1),
        parse_options=pa_json.ParseOptions(explicit_schema=schema),
    )


def _lines(data: pa.Buffer, ends: Positions) -> tuple[Positions, Positions] | None:
    """Find where lines start and end.

    No `{` can follow a `}` inside an unfinished object, so lines of this form that pyarrow can parse
    hold whole objects. If there are as many objects as lines, each line holds one.

    Args:
        data: The bytes.
        ends: The positions of the line ends.

    Returns:
        The starts and the ends; None unless each line is blank or `{...}`.
    """
    text = np.frombuffer(data, np.uint8)
    if text[-1] != NEWLINE:
        ends = np.append(ends, len(text))
    starts = np.concatenate(([0], ends[:-1] + 1))
    blank = ends == starts
    if blank.any():
        starts, ends = starts[~blank], ends[~blank]
    last = text[ends - 1]
    if (last == CARRIAGE_RETURN).any():
        last = np.where(last == CARRIAGE_RETURN, text[ends - 2], last)
    if not len(starts) or (text[starts] != OPEN).any() or (last != CLOSE).any():
        return None
    return starts, ends


def _may_be_too_deep(data: pa.Buffer, starts: Positions, ends: Positions) -> bool:
    """Whether a line has enough opening brackets that it may be nested too deeply."""
    long = np.flatnonzero(ends - starts > 2 * MAX_OPENINGS)
    if not len(long):
        return False
    opening = (np.frombuffer(data, np.uint8) | 0x20) == OPEN  # `[` becomes `{`
    spans = zip(starts[long].tolist(), ends[long].tolist(), strict=True)
    return any(np.count_nonzero(opening[start:end]) > MAX_OPENINGS for start, end in spans)


def _has_too_many_values(data: pa.Buffer, starts: Positions, ends: Positions) -> bool:
    """Whether a line has more values than a row may have; a value takes at least one byte."""
    return any(
        has_more_values(data.slice(starts[at], ends[at] - starts[at]).to_pybytes(), MAX_ROW_VALUES)
        for at in np.flatnonzero(ends - starts > MAX_ROW_VALUES).tolist()
    )


def _is_utf8(data: pa.Buffer) -> bool:
    """Whether the block is UTF-8; pyarrow does not check that when it parses JSON."""
    bounds = pa.py_buffer(np.array([0, data.size], np.int64))
    try:
        pa.LargeStringArray.from_buffers(1, bounds, data).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _time_as_text(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_temporal(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(_time_as_text(kind.value_type))
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return pa.struct([field.with_type(_time_as_text(field.type)) for field in fields])
    return kind
