"""Structures in Thrift's compact protocol, in which Parquet files describe themselves.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

import mmap
from typing import Any

MAX_NESTING = 16
"""Levels of structures; those of Parquet's footer and page headers have at most 6."""

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET = range(1, 11)
STRUCT = 12
"""Numbers of the types. 11, a map, does not occur in Parquet files."""

INVALID = (IndexError, KeyError, TypeError, ValueError, AttributeError)
"""Errors of reading bytes that are no such structure, or of using fields that it lacks."""


def read_struct(data: mmap.mmap, at: int, level: int = 0) -> tuple[dict[int, Any], int]:
    """Read a structure. Texts and floating-point numbers are skipped.

    Args:
        data: The file.
        at: The position of its first byte.
        level: How many structures it is nested in.

    Returns:
        Booleans, integers, lists and structures by field number, None for what is skipped; and the
        position after its end.

    Raises:
        IndexError: The structure does not end within the file.
        ValueError: It is nested too deeply, or has a value that the protocol does not allow here.
    """
    if level > MAX_NESTING:
        raise ValueError("nested too deeply")
    fields: dict[int, Any] = {}
    number = 0
    while head := data[at]:
        at += 1
        if head >> 4:
            number += head >> 4
        else:
            number, at = _read_integer(data, at)
        fields[number], at = _read_value(data, at, head & 15, level)
    return fields, at + 1


def _read_value(data: mmap.mmap, at: int, kind: int, level: int) -> tuple[Any, int]:
    if kind in (TRUE, FALSE):
        return kind == TRUE, at
    if kind == BYTE:
        return data[at], at + 1
    if kind in (I16, I32, I64):
        return _read_integer(data, at)
    if kind == DOUBLE:
        return None, at + 8
    if kind == BINARY:
        length, at = _read_varint(data, at)
        return None, at + length
    if kind in (LIST, SET):
        return _read_list(data, at, level)
    if kind == STRUCT:
        return read_struct(data, at, level + 1)
    raise ValueError(f"the type {kind} does not occur in Parquet files")


def _read_list(data: mmap.mmap, at: int, level: int) -> tuple[list[Any], int]:
    head, at = data[at], at + 1
    size, kind = head >> 4, head & 15
    if size == 15:
        size, at = _read_varint(data, at)
    items = []
    for _ in range(size):
        # In lists, true and false take a byte.
        item, at = _read_value(data, at, BYTE if kind in (TRUE, FALSE) else kind, level)
        items.append(item)
    return items, at


def _read_integer(data: mmap.mmap, at: int) -> tuple[int, int]:
    value, at = _read_varint(data, at)
    return value >> 1 ^ -(value & 1), at


def _read_varint(data: mmap.mmap, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("an integer is too long")
