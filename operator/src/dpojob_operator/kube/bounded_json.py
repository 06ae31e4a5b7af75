"""Reads JSON of the API server in which one object may be nested too deeply for Python.

The API server stores any depth up to 10,000 levels where a schema allows it, and `json.loads` raises
RecursionError after a few hundred. In a list that is an error about every object in it, so values that
lie too deep are replaced by null before parsing. The object they belong to is still deeper than its
schema allows, and is reported as invalid when it is parsed by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import orjson

MAX_DEPTH = 64
"""Levels of lists and mappings that are kept; the objects that this operator reads have less than 30."""
MAX_WHOLE_LIST = 2**20
"""Bytes of a list that is parsed as a whole."""
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]')
_SEPARATOR = {sign: re.compile(rf"\s*(?:{sign})?\s*") for sign in ("", ":", ",")}
_ONE_KIND_OF_BRACKET = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def loads(text: bytes) -> Any:
    """Parses JSON; values below MAX_DEPTH levels become null."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:  # also of what lies below the parser's own 1,024 levels
        return orjson.loads(_cut(text))
    return value if _is_shallow(value, MAX_DEPTH) else orjson.loads(_cut(text))


def loads_list(text: bytes, reduce: Callable[[Any], Any], max_whole: int = MAX_WHOLE_LIST) -> Any:
    """Parses an answer as `loads` does, and reduces each item of a list.

    In an answer of more than `max_whole` bytes, each item is reduced before the next one is parsed: a parsed
    item may take twenty times its size as text.
    """
    if len(text) <= max_whole:
        parsed = loads(text)
        if isinstance(parsed, dict) and isinstance(parsed.get("items"), list):
            parsed["items"] = [reduce(item) for item in parsed["items"]]
        return parsed
    whole = without_deep_values(text).decode()
    decoder, answer = json.JSONDecoder(), {}
    at = _skip(whole, 0)
    if whole[at : at + 1] != "{":
        return json.loads(whole)
    at = _skip(whole, at + 1)
    while whole[at : at + 1] == '"':
        name, at = decoder.raw_decode(whole, at)
        at = _skip(whole, at, ":")
        if name == "items" and whole[at : at + 1] == "[":
            answer[name], at = _items(decoder, whole, at, reduce)
        else:
            answer[name], at = decoder.raw_decode(whole, at)
        at = _skip(whole, at, ",")
    if whole[at:].strip() != "}":
        raise json.JSONDecodeError("Expecting the end of the object", whole, at)
    return answer


def _items(
    decoder: json.JSONDecoder, text: str, at: int, reduce: Callable[[Any], Any]
) -> tuple[list[Any], int]:
    """The reduced items of the list that begins at `at`, and where it has ended."""
    items: list[Any] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        item, at = decoder.raw_decode(text, at)
        items.append(reduce(item))
        at = _skip(text, at, ",")
    return items, at + 1


def _skip(text: str, at: int, separator: str = "") -> int:
    """The position after white space, and after a separator between it."""
    found = _SEPARATOR[separator].match(text, at)
    assert found is not None  # every part of the pattern may be absent
    return found.end()


def without_deep_values(text: bytes) -> bytes:
    """The same JSON with null for every list and mapping below MAX_DEPTH levels."""
    return _cut(text) if _is_deep(text) else text


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


def _is_deep(text: bytes) -> bool:
    """Whether brackets are nested below MAX_DEPTH levels, by removing the innermost pairs that often."""
    # Without escaped characters, every second part between quotation marks is a string.
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in text else text
    outside = b"".join(unescaped.split(b'"')[::2])
    brackets = outside.translate(_ONE_KIND_OF_BRACKET, _ALL_BUT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)


def _cut(text: bytes) -> bytes:
    kept: list[bytes] = []
    depth = begin = 0
    for token in _TOKEN.finditer(text):
        bracket = token[0]
        if bracket in (b"[", b"{"):
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept.append(text[begin : token.start()])
        elif bracket in (b"]", b"}"):
            if depth == MAX_DEPTH + 1:
                kept.append(b"null")
                begin = token.end()
            depth -= 1
    return b"".join([*kept, text[begin:]])
