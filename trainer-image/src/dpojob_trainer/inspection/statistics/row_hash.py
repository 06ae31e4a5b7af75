"""Hashes by which rows are compared: byte by byte, and up to letter case (ASCII) and white space.

64 bits each: among n rows about n * n / 2**65 pairs agree by accident, under one in a million for
five million rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
import xxhash
from numpy.typing import NDArray

from dpojob_trainer.shared.messages import Message
from dpojob_trainer.shared.preference_pair import Pair

Hashes = NDArray[np.uint64]

PLAIN = frozenset({"role", "content"})
"""The keys of a turn that is text alone."""

_LOWER = bytes(range(256)).lower()
_SPACE = b" \t\n\r\v\f"
_hash = xxhash.xxh3_64_intdigest
_ODD = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class Prints:
    """Of some rows, one entry each."""

    prompt: Hashes
    """The prompt, up to case and white space: decides on which side of the eval split it falls."""
    pair: Hashes
    """Prompt and both answers, up to case and white space, whichever is preferred."""
    exact: Hashes
    """Prompt, chosen and rejected, byte by byte."""
    swapped: NDArray[np.bool_]
    """Which of the answers is the preferred one, for rows of the same `pair`."""


def fingerprints(
    prompts: Sequence[bytes], chosen: Sequence[bytes], rejected: Sequence[bytes]
) -> Prints:
    """Of rows given as bytes; see `as_bytes`."""
    about = _loose(prompts)
    left, right = _loose(chosen), _loose(rejected)
    swapped = left > right
    pair = _mixed(about, np.minimum(left, right), np.maximum(left, right))
    rows = zip(prompts, chosen, rejected, strict=True)
    exact = _array(map(_hash, map(b"\0".join, rows)), len(prompts))
    return Prints(about, pair, exact, swapped)


def fingerprints_of(pairs: Sequence[Pair]) -> Prints:
    """Of normalised rows."""
    return fingerprints(
        [as_bytes(pair.prompt) for pair in pairs],
        [as_bytes(pair.chosen) for pair in pairs],
        [as_bytes(pair.rejected) for pair in pairs],
    )


def prompt_prints(pairs: Sequence[Pair]) -> Hashes:
    """The `prompt` entries alone."""
    return _loose([as_bytes(pair.prompt) for pair in pairs])


def as_bytes(value: str | list[Message]) -> bytes:
    """Text, and a single turn's text, as themselves; more turns with their roles between.

    What else a turn holds (tool calls, a name, its reasoning) tells it apart too.
    """
    if isinstance(value, str):
        return value.encode(errors="surrogatepass")
    if len(value) == 1 and value[0].keys() == PLAIN:
        return str(value[0]["content"]).encode(errors="surrogatepass")
    return b"\0".join(_turn(turn).encode(errors="surrogatepass") for turn in value)


def _turn(turn: Message) -> str:
    said = f"{turn['role']}\1{turn.get('content', '')}"
    if turn.keys() <= PLAIN:
        return said
    more = {key: value for key, value in turn.items() if key not in PLAIN}
    return f"{said}\2{json.dumps(more, ensure_ascii=False, sort_keys=True, default=str)}"


def _loose(texts: Sequence[bytes]) -> Hashes:
    # Loops in C: a Python frame per row would cost more than the hashing.
    plain = map(bytes.translate, texts, repeat(_LOWER), repeat(_SPACE))
    return _array(map(_hash, plain), len(texts))


def _array(values: Iterable[int], count: int) -> Hashes:
    return np.fromiter(values, np.uint64, count)


def _mixed(first: Hashes, second: Hashes, third: Hashes) -> Hashes:
    """One hash of three, in their order."""
    with np.errstate(over="ignore"):
        mixed = first
        for part, odd in zip((second, third), _ODD, strict=False):
            mixed = (mixed ^ (mixed >> np.uint64(31))) * odd
            mixed = (mixed ^ (mixed >> np.uint64(29))) * _ODD[2] + part
        mixed = (mixed ^ (mixed >> np.uint64(32))) * _ODD[0]
        return mixed ^ (mixed >> np.uint64(29))
