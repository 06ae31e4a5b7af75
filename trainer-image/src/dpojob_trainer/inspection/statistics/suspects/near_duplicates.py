"""Near-duplicate rows by MinHash and locality-sensitive hashing.

One-permutation MinHash (Li, Owen and Zhang, "One permutation hashing", NeurIPS 2012): the shingles of a
row are hashed once and put into bins, whose smallest hashes are the signature. Rows that share a band of
it are compared exactly.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache

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
ROWS_AT_ONCE = 64
"""Rows whose signatures are computed together, in at most about 40 MB."""
REMEMBERED_ROWS = 256
"""Earlier rows whose shingles are kept for further comparisons; all of a sample's would take a gigabyte."""
_SALTS = np.array([0x51ED270B, 0xB5026F5A, 0x8CB92BA7], np.uint64)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_DIGITS = re.compile(rb"\d+")
_SEPARATORS = (string.whitespace + string.punctuation).encode()
_PLAIN = bytes.maketrans(_SEPARATORS, b" " * len(_SEPARATORS)).lower()
"""ASCII letters in lower case, and a space for white space and punctuation."""


class _ComparedRow:
    """The three texts of a row, as they are compared."""

    def __init__(self, pair: SampledPair) -> None:
        self.texts = [_normalized(text) for text in (pair.prompt, pair.chosen, pair.rejected)]

    @cached_property
    def numbers(self) -> list[bytes]:
        return _DIGITS.findall(b" ".join(self.texts))

    @cached_property
    def shingles(self) -> list[Hashes]:
        """The distinct shingles of each text, hashed and in order."""
        return [np.unique(_hashed(_windows(_padded(text)))) for text in self.texts]

    def nearly_repeats(self, other: _ComparedRow) -> bool:
        """Whether each text is similar to that of the other row, with the same numbers in both."""
        if self.texts == other.texts:
            return True
        return self.numbers == other.numbers and all(
            _jaccard(left, right) >= SIMILARITY
            for left, right in zip(self.shingles, other.shingles, strict=True)
        )


def near_duplicates(pairs: Sequence[SampledPair]) -> Iterator[tuple[int, int]]:
    """Find rows that nearly repeat an earlier one, with the same answer preferred.

    Rows with different numbers in them are different: questions are often varied by a number alone.

    Args:
        pairs: The rows, by row number.

    Yields:
        Positions of the row and of the earlier row that it repeats.
    """
    first_in_bucket: list[dict[bytes, int]] = [{} for _ in range(BANDS)]
    earlier_row = lru_cache(REMEMBERED_ROWS)(lambda at: _ComparedRow(pairs[at]))
    for start in range(0, len(pairs), ROWS_AT_ONCE):
        rows = [_ComparedRow(pair) for pair in pairs[start : start + ROWS_AT_ONCE]]
        for at, (row, bands) in enumerate(zip(rows, _bands(rows), strict=True), start):
            candidates = {
                buckets.setdefault(band, at)
                for buckets, band in zip(first_in_bucket, bands, strict=True)
            }
            for earlier in sorted(candidates - {at}):
                if row.nearly_repeats(earlier_row(earlier)):
                    yield at, earlier
                    break


def _normalized(text: bytes) -> bytes:
    """Lower-case letters, with one space for any run of white space and ASCII punctuation."""
    return b" ".join(text.translate(_PLAIN).split())


def _bands(rows: Sequence[_ComparedRow]) -> list[list[bytes]]:
    """The bands of each row's signature: the smallest hash of each bin, or of the next that has one."""
    texts = [_padded(text) for row in rows for text in row.texts]
    sizes = np.array([len(text) for text in texts])
    starts_in_one_text = np.ones(sizes.sum(), bool)
    for back in range(1, SHINGLE):
        starts_in_one_text[sizes.cumsum() - back] = False
    starts_in_one_text = starts_in_one_text[: -SHINGLE + 1]
    values = _windows(b"".join(texts))[starts_in_one_text]
    hashes = _hashed(values, np.repeat(np.tile(_SALTS, len(rows)), sizes - SHINGLE + 1))
    per_row = (sizes - SHINGLE + 1).reshape(len(rows), -1).sum(axis=1)
    bins = np.repeat(np.arange(len(rows)) * BINS, per_row) + (hashes >> np.uint64(58)).astype(int)
    smallest = np.full(len(rows) * BINS, np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(smallest, bins, hashes)
    is_filled = np.bincount(bins, minlength=len(smallest)).reshape(-1, BINS) > 0
    source = np.where(is_filled, np.arange(BINS), 2 * BINS)
    source = np.minimum.accumulate(source[:, ::-1], axis=1)[:, ::-1]
    source = np.where(source < BINS, source, is_filled.argmax(axis=1)[:, None])
    signatures = np.take_along_axis(smallest.reshape(-1, BINS), source, axis=1)
    return signatures.view(f"V{8 * BINS // BANDS}").tolist()  # type: ignore[no-any-return]


def _padded(text: bytes) -> bytes:
    """The text, at least as long as a shingle: a short text is one."""
    return text.ljust(SHINGLE, b"\0")


def _windows(text: bytes) -> Hashes:
    """The bytes from each position on as one number."""
    found = np.empty(len(text) - SHINGLE + 1, np.uint64)
    for at in range(min(SHINGLE, len(found))):
        found[at::SHINGLE] = np.frombuffer(text, np.uint64, (len(text) - at) // SHINGLE, at)
    return found


def _hashed(values: Hashes, salt: Hashes | np.uint64 = _SALTS[0]) -> Hashes:
    values = (values ^ salt) * _MULTIPLIER
    values = (values ^ (values >> np.uint64(29))) * _MULTIPLIER
    return values ^ (values >> np.uint64(32))


def _jaccard(left: Hashes, right: Hashes) -> float:
    """The size of the intersection of two sets over that of their union, from 0 to 1."""
    shared = len(np.intersect1d(left, right, assume_unique=True))
    return shared / max(1, len(left) + len(right) - shared)
