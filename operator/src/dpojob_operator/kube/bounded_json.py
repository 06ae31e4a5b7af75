"""Reads JSON of the API server in which one object may be nested too deeply for Python.

The API server stores any depth up to 10,000 levels where a schema allows it, and `json.loads` raises
RecursionError after a few hundred. In a list that is an error about every object in it, so values that
lie too deep are replaced by null. The object they belong to is still deeper than its schema allows, and is
reported as invalid when it is parsed by itself.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import orjson

MAX_DEPTH = 64
"""Levels of lists and mappings that are kept; the objects that this operator reads have less than 30."""
BYTES = "latin-1"
"""The encoding of which each byte is one character. In Python's own form of text, a page with a single emoji takes four
times its size. No byte of a longer character of UTF-8 is a sign of JSON, so that values begin and end at the same places."""
_DECODER = json.JSONDecoder(parse_int=orjson.loads)
"""Reads integers as orjson does: the API server writes 1e20 in digits, and orjson writes no integer of more than 64 bits."""
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]')
_SEPARATOR = {sign: re.compile(rf"\s*(?:{sign})?\s*", re.ASCII) for sign in ("", ":", ",")}


def loads(text: bytes) -> Any:
    """Parses JSON; values below MAX_DEPTH levels become null. Raises ValueError where it is not JSON."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:  # also of what lies below the parser's own 1,024 levels
        return _cut_whole(text)
    return value if _is_shallow(value, MAX_DEPTH) else _cut_whole(text)


def _cut_whole(text: bytes) -> Any:
    whole = text.decode(BYTES)
    value, end = _cut(whole, 0)
    if whole[end:].strip():
        raise json.JSONDecodeError("Expecting the end of the text", whole, end)
    return value


def loads_list(text: bytes, reduce: Callable[[Any], Any]) -> Any:
    """Parses an answer as `loads` does, and reduces each item of a list before the next one is parsed.

    A parsed item may take twenty times its size as text. A short list is read item by item too: each is built in the
    memory that the one before it has left, which takes less time than a whole list in fresh memory, even by orjson.

    Args:
        text: The body of an answer.
        reduce: Returns what is kept of an item of `items`.

    Returns:
        The answer with the reduced items, which come without `metadata.managedFields`. Levels are counted from an item,
        and from the value of each other field.

    Raises:
        ValueError: The text is not JSON.
    """
    whole, answer = text.decode(BYTES), {}
    at = _skip(whole, 0)
    if whole[at : at + 1] != "{":
        return loads(text)
    at = _skip(whole, at + 1)
    while whole[at : at + 1] == '"':
        name, at = _value(whole, at)
        at = _skip(whole, at, ":")
        if name == "items" and whole[at : at + 1] == "[":
            answer[name], at = _items(whole, at, reduce)
        else:
            answer[name], at = _value(whole, at)
        at = _skip(whole, at, ",")
    if whole[at:].strip() != "}":
        raise json.JSONDecodeError("Expecting the end of the object", whole, at)
    return answer


def _items(text: str, at: int, reduce: Callable[[Any], Any]) -> tuple[list[Any], int]:
    """The reduced items of the list that begins at `at`, and where it has ended."""
    items: list[Any] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        item, at = _value(text, at)
        items.append(reduce(item))
        at = _skip(text, at, ",")
    return items, at + 1


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value that begins at `at`, without what lies too deep in it, and where it has ended.

    Each character of `text` is a byte of UTF-8; a value with longer characters is parsed twice.
    """
    with contextlib.suppress(RecursionError):
        value, end = _DECODER.raw_decode(text, at)
        _drop_managed_fields(value)
        if _is_shallow(value, MAX_DEPTH):
            if not text.isascii() and not (own := text[at:end]).isascii():
                value = _DECODER.decode(own.encode(BYTES).decode())
                _drop_managed_fields(value)
            return value, end
    value, end = _cut(text, at)
    _drop_managed_fields(value)
    return value, end


def _drop_managed_fields(value: Any) -> None:
    """Most mappings of an object are in them, and nothing reads them."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)


def _skip(text: str, at: int, separator: str = "") -> int:
    """The position after white space, and after a separator between it."""
    found = _SEPARATOR[separator].match(text, at)
    assert found is not None  # every part of the pattern may be absent
    return found.end()


def _is_shallow(value: Any, levels: int) -> bool:
    """Whether a parsed value has at most `levels` levels of lists and mappings."""
    # Level by level, which takes half of the time of a recursion. A parser makes no subclasses.
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        if not level:
            return True
        level = [
            inner
            for one in level
            for inner in (one.values() if type(one) is dict else one)
            if type(inner) is dict or type(inner) is list
        ]
    return not level


def _cut(text: str, at: int) -> tuple[Any, int]:
    """The list or mapping that begins at `at`, with null for what lies too deep in it, and where it has ended.

    Each character of `text` is a byte of UTF-8. It looks at each character of the value once, and copies none of what follows it: a page may have a hundred of them.
    """
    kept: list[str] = []
    depth, begin = 0, at
    for token in _TOKEN.finditer(text, at):
        bracket = token[0]
        if bracket in ("[", "{"):
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept.append(text[begin : token.start()])
        elif bracket in ("]", "}"):
            if depth == MAX_DEPTH + 1:
                kept.append("null")
                begin = token.end()
            depth -= 1
        if not depth:
            kept.append(text[begin : token.end()])
            return orjson.loads("".join(kept).encode(BYTES)), token.end()
    raise json.JSONDecodeError("Expecting the end of a list or mapping", text, at)
