"""Hashes by which rows are compared: byte by byte, and up to letter case (ASCII) and white space.

64 bits each: among n rows about n * n / 2**65 pairs collide (the birthday bound), under one in a
million for five million rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import xxhash
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

_LOWER = bytes(range(256)).lower()
_WHITE_SPACE = b" \t\n\r\v\f"
_hash = xxhash.xxh3_64_intdigest
_MULTIPLIERS = (
    np.uint64(0x9E3779B97F4A7C15),
    np.uint64(0xBF58476D1CE4E5B9),
    np.uint64(0x94D049BB133111EB),
)
"""The constants of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
generators", 2014)."""


@dataclass(frozen=True)
class RowHashes:
    """The hashes of some rows, one entry a row."""

    prompt: Hashes
    """The prompt, up to case and white space: decides on which side of the eval split it falls."""
    pair: Hashes
    """Prompt and both answers, up to case and white space, whichever is preferred."""
    exact: Hashes
    """Prompt, chosen and rejected, byte by byte."""
    swapped: NDArray[np.bool_]
    """Which of the answers is the preferred one, for rows of the same `pair`."""
    same_answers: NDArray[np.bool_]
    """Whether both answers are equal up to case and white space."""


def hash_rows(
    prompts: Sequence[bytes], chosen: Sequence[bytes], rejected: Sequence[bytes]
) -> RowHashes:
    """Hash rows.

    Args:
        prompts: The rows' prompts, as `comparable_bytes` gives them.
        chosen: Their chosen answers.
        rejected: Their rejected answers.

    Returns:
        Five hashes or flags a row.
    """
    prompt = prompt_hashes(prompts)
    left, right = _normalized_hashes(chosen), _normalized_hashes(rejected)
    swapped = left > right
    pair = _combined(prompt, np.minimum(left, right), np.maximum(left, right))
    rows = zip(prompts, chosen, rejected, strict=True)
    exact = _array(map(_hash, map(b"\0".join, rows)), len(prompts))
    return RowHashes(prompt, pair, exact, swapped, left == right)


def prompt_hashes(prompts: Sequence[bytes]) -> Hashes:
    """Hash prompts alone.

    Args:
        prompts: Prompts, as `comparable_bytes` gives them.

    Returns:
        The `prompt` entries of `RowHashes`.
    """
    return _normalized_hashes(prompts)


def _normalized_hashes(texts: Sequence[bytes]) -> Hashes:
    # Loops in C: a Python frame per row would cost more than the hashing.
    normalized = map(bytes.translate, texts, repeat(_LOWER), repeat(_WHITE_SPACE))
    return _array(map(_hash, normalized), len(texts))


def _array(values: Iterable[int], count: int) -> Hashes:
    return np.fromiter(values, np.uint64, count)


def _combined(first: Hashes, second: Hashes, third: Hashes) -> Hashes:
    """Combine three hashes into one that depends on their order."""
    with np.errstate(over="ignore"):
        mixed = first
        for part, multiplier in zip((second, third), _MULTIPLIERS, strict=False):
            mixed = (mixed ^ (mixed >> np.uint64(31))) * multiplier
            mixed = (mixed ^ (mixed >> np.uint64(29))) * _MULTIPLIERS[2] + part
        mixed = (mixed ^ (mixed >> np.uint64(32))) * _MULTIPLIERS[0]
        return mixed ^ (mixed >> np.uint64(29))
