"""Near-duplicate rows by MinHash and locality-sensitive hashing.

One-permutation MinHash (Li, Owen and Zhang, "One permutation hashing", NeurIPS 2012): the shingles of a
row are hashed once and put into bins, whose smallest hashes are the signature. Rows that share a band of
it are compared exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from .pair_sample import SampledPair

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
                _jaccard(left, right) >= SIMILARITY
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


def _signature(shingles: Hashes) -> Hashes:
    """The smallest hash of each bin; an empty bin has that of the next bin that is not empty."""
    ordered = np.sort(shingles)
    at = np.searchsorted(ordered, _BOUNDS)
    ends = np.append(at[1:], len(ordered))
    filled = np.flatnonzero(ends > at)
    source = filled[np.searchsorted(filled, np.arange(BINS)) % len(filled)]
    return ordered[at[source]]


def _jaccard(left: Hashes, right: Hashes) -> float:
    """The size of the intersection of two sets over that of their union, from 0 to 1."""
    shared = len(np.intersect1d(left, right, assume_unique=True))
    return shared / max(1, len(left) + len(right) - shared)
