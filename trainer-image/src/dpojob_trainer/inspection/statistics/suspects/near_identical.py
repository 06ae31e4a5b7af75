"""Pairs whose chosen and rejected answers are nearly the same text."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence

import numpy as np

from .pair_sample import MAX_BYTES, SampledPair

_FORM = (string.whitespace + ".,;!?*#").encode()
"""White space, sentence marks and emphasis; quotes and operators have a meaning in JSON and in code."""
_PLAIN = bytes.maketrans(_FORM, b" " * len(_FORM)).lower()
MIN_COMPARED = 200
"""Bytes of an answer from which a small difference is suspicious."""
MAX_DIFFERING = 3
"""Bytes; a word that was changed, as in a negation, is longer."""


def near_identical(pairs: Sequence[SampledPair]) -> Iterator[int]:
    """Find rows whose answers differ in case, punctuation and white space, or in very little, only.

    Args:
        pairs: The rows.

    Yields:
        Positions of the rows.
    """
    for at, pair in enumerate(pairs):
        chosen, rejected = pair.chosen, pair.rejected
        if max(len(chosen), len(rejected)) >= MAX_BYTES:
            continue  # Both may differ in what was cut off.
        if _have_same_words(chosen, rejected) or (
            len(chosen) >= MIN_COMPARED and _differing(chosen, rejected) <= MAX_DIFFERING
        ):
            yield at


def _have_same_words(left: bytes, right: bytes) -> bool:
    """Whether two texts are the same without case and form."""
    if left.translate(_PLAIN, _FORM) != right.translate(_PLAIN, _FORM):
        return False
    return left.translate(_PLAIN).split() == right.translate(_PLAIN).split()


def _differing(left: bytes, right: bytes) -> int:
    """Bytes between the common beginning and the common end of two texts, of the longer one."""
    limit = min(len(left), len(right))
    if abs(len(left) - len(right)) > MAX_DIFFERING:
        return max(len(left), len(right))
    first, second = np.frombuffer(left, np.uint8), np.frombuffer(right, np.uint8)
    unequal = np.flatnonzero(first[:limit] != second[:limit])
    start = int(unequal[0]) if len(unequal) else limit
    unequal = np.flatnonzero(first[::-1][: limit - start] != second[::-1][: limit - start])
    end = int(unequal[0]) if len(unequal) else limit - start
    return max(len(left), len(right)) - start - end
