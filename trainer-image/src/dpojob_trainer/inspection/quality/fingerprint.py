"""Hashes by which rows are compared, up to letter case (ASCII) and white space.

64 bits each: among n rows about n * n / 2**65 pairs agree by accident, under one in a million for
five million rows.
"""

from __future__ import annotations

from typing import NamedTuple

import xxhash

from dpojob_trainer.inspection.messages import Message
from dpojob_trainer.inspection.rows import Pair

_LOWER = bytes(range(256)).lower()
_SPACE = b" \t\n\r\v\f"
_hash = xxhash.xxh3_64_intdigest


class Fingerprint(NamedTuple):
    """Of one row."""

    prompt: int
    """The prompt, up to case and white space: decides on which side of the eval split it falls."""
    pair: int
    """Prompt and both answers, up to case and white space, whichever is preferred."""
    exact: int
    """Prompt, chosen and rejected, byte by byte."""
    swapped: bool
    """Which of the answers is the preferred one, for rows of the same `pair`."""


def fingerprint(pair: Pair) -> Fingerprint:
    """Of a normalised row."""
    return of_bytes(_bytes(pair.prompt), _bytes(pair.chosen), _bytes(pair.rejected))


def of_bytes(prompt: bytes, chosen: bytes, rejected: bytes) -> Fingerprint:
    """Of a row's three parts as bytes."""
    about = _hash(prompt.translate(_LOWER, _SPACE))
    left = _hash(chosen.translate(_LOWER, _SPACE))
    right = _hash(rejected.translate(_LOWER, _SPACE))
    swapped = left > right
    low, high = (right, left) if swapped else (left, right)
    key = b"%d %d %d" % (about, low, high)
    return Fingerprint(
        about,
        _hash(key),
        _hash(b"%d %d %d" % (_hash(prompt), _hash(chosen), _hash(rejected))),
        swapped,
    )


def _bytes(value: str | list[Message]) -> bytes:
    if isinstance(value, str):
        return value.encode(errors="surrogatepass")
    return "\0".join(
        f"{turn['role']}\1{turn.get('content', '')}{turn.get('tool_calls', '')}" for turn in value
    ).encode(errors="surrogatepass")
