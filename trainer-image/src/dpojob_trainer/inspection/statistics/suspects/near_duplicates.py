"""Near-duplicate rows by MinHash and locality-sensitive hashing.

One-permutation MinHash (Li, Owen and Zhang, "One permutation hashing", NeurIPS 2012): the shingles of a
row are hashed once and put into bins, whose smallest hashes are the signature. Rows that share a band of
it are compared exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .pair_sample import MAX_BYTES, SampledPair

Hashes = NDArray[np.uint64]

SHINGLE = 8
"""Bytes of a shingle, which fit one 64-bit number."""
BINS = 64
BANDS = 16
SIMILARITY = 0.8
"""Jaccard similarity of prompt, of chosen and of rejected from which rows are near-duplicates."""
_SALTS = tuple(np.uint64(salt) for salt in (0x51ED270B, 0xB5026F5A, 0x8CB92BA7))
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_BOUNDS = (np.arange(BINS, dtype=np.uint64) << np.uint64(58)).astype(np.uint64)
_DIGITS = re.compile(rb"\d+")
_FORM = re.compile(rb"[\s.,;!?*#]+")
"""White space, sentence marks and emphasis; quotes and operators have a meaning in JSON and in code."""
_SEPARATORS = re.compile(rb"[\s!-/:-@\[-`{-~]+")


def near_duplicates(pairs: Iterable[SampledPair]) -> Iterator[tuple[int, int]]:
    """Find rows that nearly repeat an earlier one, with the same answer preferred.

    Rows with different numbers in them are different: questions are often varied by a number alone.

    Args:
        pairs: The rows, by row number.

    Yields:
        Positions of the row and of the earlier row that it repeats.
    """
    first_in_bucket: dict[bytes, int] = {}
    seen: dict[int, tuple[list[Hashes], list[bytes]]] = {}
    for at, pair in enumerate(pairs):
        parts = [_normalized(text) for text in (pair.prompt, pair.chosen, pair.rejected)]
        shingles = [_shingles(text, salt) for text, salt in zip(parts, _SALTS, strict=True)]
        numbers = _DIGITS.findall(b" ".join(parts))
        signature = _signature(np.concatenate(shingles)).reshape(BANDS, -1)
        candidates = []
        for band, values in enumerate(signature):
            key = bytes([band]) + values.tobytes()
            earlier = first_in_bucket.setdefault(key, at)
            if earlier != at and earlier not in candidates:
                candidates.append(earlier)
        for earlier in sorted(candidates):
            others, other_numbers = seen[earlier]
            if numbers == other_numbers and all(
                jaccard(left, right) >= SIMILARITY
                for left, right in zip(shingles, others, strict=True)
            ):
                yield at, earlier
                break
        seen[at] = shingles, numbers


def _normalized(text: bytes) -> bytes:
    """Lower-case letters, with one space for any run of white space and ASCII punctuation."""
    return _SEPARATORS.sub(b" ", text.lower()).strip()


def _shingles(text: bytes, salt: np.uint64) -> Hashes:
    """The distinct hashed shingles of a text, in order; a short text is one shingle."""
    data = np.frombuffer(text.ljust(SHINGLE, b"\0"), np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(data, SHINGLE)
    values = np.ascontiguousarray(windows).view(np.uint64).ravel()
    with np.errstate(over="ignore"):
        values = (values ^ salt) * _MULTIPLIER
        values = (values ^ (values >> np.uint64(29))) * _MULTIPLIER
    return np.unique(values ^ (values >> np.uint64(32)))


def shingles_of(text: bytes) -> Hashes:
    """Hash the shingles of a text, normalised in case, white space and punctuation.

    Args:
        text: UTF-8 bytes.

    Returns:
        The distinct hashes, in order.
    """
    return _shingles(_normalized(text), _SALTS[0])


def _signature(shingles: Hashes) -> Hashes:
    """The smallest hash of each bin; an empty bin takes that of the next one that is not."""
    ordered = np.sort(shingles)
    at = np.searchsorted(ordered, _BOUNDS)
    ends = np.append(at[1:], len(ordered))
    filled = np.flatnonzero(ends > at)
    source = filled[np.searchsorted(filled, np.arange(BINS)) % len(filled)]
    return ordered[at[source]]


def jaccard(left: Hashes, right: Hashes) -> float:
    """Compute the similarity of two sets.

    Args:
        left: Distinct values.
        right: Distinct values.

    Returns:
        The size of the intersection over that of the union, from 0 to 1.
    """
    shared = len(np.intersect1d(left, right, assume_unique=True))
    return shared / max(1, len(left) + len(right) - shared)


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
        if _without_form(chosen) == _without_form(rejected) or (
            len(chosen) >= MIN_COMPARED and _differing(chosen, rejected) <= MAX_DIFFERING
        ):
            yield at


def _without_form(text: bytes) -> bytes:
    return _FORM.sub(b" ", text.lower()).strip()


MIN_COMPARED = 200
"""Bytes of an answer from which a small difference is suspicious."""
MAX_DIFFERING = 3
"""Bytes; a word that was changed, as in a negation, is longer."""


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
