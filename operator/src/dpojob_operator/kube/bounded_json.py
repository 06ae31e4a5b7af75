"""Reads JSON of the API server in which one object may be nested too deeply for Python.

The API server stores any depth up to 10,000 levels where a schema allows it, and `json.loads` raises
RecursionError after a few hundred. In a list that is an error about every object in it, so values that
lie too deep are replaced by null before parsing. The object they belong to is still deeper than its
schema allows, and is reported as invalid when it is parsed by itself.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 64
"""Levels of lists and mappings that are kept; the objects that this operator reads have less than 30."""
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"')
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]')
_ONE_KIND_OF_BRACKET = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def loads(text: bytes) -> Any:
    """Parses JSON; values below MAX_DEPTH levels become null."""
    return json.loads(without_deep_values(text))


def without_deep_values(text: bytes) -> bytes:
    """The same JSON with null for every list and mapping below MAX_DEPTH levels."""
    return _cut(text) if _is_deep(text) else text


def _is_deep(text: bytes) -> bool:
    """Whether brackets are nested below MAX_DEPTH levels, by removing the innermost pairs that often."""
    brackets = _STRING.sub(b"", text).translate(_ONE_KIND_OF_BRACKET, _ALL_BUT_BRACKETS)
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
