"""Shortcuts that spare most texts a pattern, and signatures of many rows at once, change no result."""

from __future__ import annotations

import random
import re
import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from dpojob_trainer.inspection.statistics.suspects import secrets
from dpojob_trainer.inspection.statistics.suspects.languages import language_of
from dpojob_trainer.inspection.statistics.suspects.leaking_features import leaking_features
from dpojob_trainer.inspection.statistics.suspects.near_duplicates import (
    BANDS,
    BINS,
    ROWS_AT_ONCE,
    SIMILARITY,
    near_duplicates,
)
from dpojob_trainer.inspection.statistics.suspects.near_identical import near_identical
from dpojob_trainer.inspection.statistics.suspects.pair_sample import SampledPair

SALTS = (0x51ED270B, 0xB5026F5A, 0x8CB92BA7)
WORDS = [
    "the",
    "of",
    "and",
    "to",
    "is",
    "in",
    "Is",
    "THE",
    "fox",
    "dog",
    "1",
    "12",
    ",",
    ".",
    "!",
    "**",
    "éa",
    "中文",
    "Password",
    "secret:",
    "@",
    "\n",
    "\x1c",
    "\xa0",
]


def row(number: int, prompt: str, chosen: str, rejected: str) -> SampledPair:
    texts = (text.encode() for text in (prompt, chosen, rejected))
    return SampledPair(number, *texts, margin=float("nan"))


def hashed(shingle: bytes, salt: int) -> int:
    value = int.from_bytes(shingle, "little") ^ salt
    value = value * 0x9E3779B97F4A7C15 % 2**64
    value = (value ^ value >> 29) * 0x9E3779B97F4A7C15 % 2**64
    return value ^ value >> 32


def one_by_one(pairs: list[SampledPair]) -> list[tuple[int, int]]:
    """Near-duplicates as the module's docstring defines them, with sets of numbers."""
    rows, found = [], []
    first: dict[tuple[int, ...], int] = {}
    for at, pair in enumerate(pairs):
        texts = [
            re.sub(rb"[\s!-/:-@\[-`{-~]+", b" ", text.lower()).strip()
            for text in (pair.prompt, pair.chosen, pair.rejected)
        ]
        shingles = [
            {hashed(text[i : i + 8], salt) for i in range(len(text) - 7)}
            for text, salt in zip((text.ljust(8, b"\0") for text in texts), SALTS, strict=True)
        ]
        bins: list[int | None] = [
            min((value for value in set().union(*shingles) if value >> 58 == number), default=None)
            for number in range(BINS)
        ]
        filled = [
            next(bins[(number + on) % BINS] for on in range(BINS) if bins[(number + on) % BINS])
            for number in range(BINS)
        ]
        size = BINS // BANDS
        bands = [(band, *filled[band * size : (band + 1) * size]) for band in range(BANDS)]
        candidates = sorted({first.setdefault(band, at) for band in bands} - {at})
        rows.append((shingles, re.findall(rb"\d+", b" ".join(texts))))
        for earlier in candidates:
            others, numbers = rows[earlier]
            if numbers == rows[at][1] and all(
                len(left & right) >= SIMILARITY * len(left | right)
                for left, right in zip(shingles, others, strict=True)
            ):
                found.append((at, earlier))
                break
    return found


def edited(dice: random.Random, text: str) -> str:
    """A text with a word or the case changed, or as it is."""
    words = text.split(" ")
    words[dice.randrange(len(words))] = dice.choice(WORDS)
    return dice.choice([text, text.upper(), text + "!", " ".join(words)])


def test_near_duplicates_of_many_rows_are_those_of_single_rows() -> None:
    dice = random.Random(11)
    texts = [tuple(" ".join(dice.choices(WORDS, k=dice.choice([0, 1, 4, 30]))) for _ in range(3))
             for _ in range(40)]  # fmt: skip
    pairs = []
    for number in range(2 * ROWS_AT_ONCE + 9):
        prompt, chosen, rejected = (edited(dice, text) for text in dice.choice(texts))
        pairs.append(row(number, prompt, chosen, rejected))
    expected = one_by_one(pairs)
    assert len(expected) > 20
    assert list(near_duplicates(pairs)) == expected


def test_near_duplicates_of_long_texts_fit_in_memory() -> None:
    """A gigabyte for the shingles of all rows would be more than the inspection's container has."""
    dice = random.Random(3)
    pairs = [row(n, *(dice.randbytes(2048).hex() for _ in range(3))) for n in range(800)]
    tracemalloc.start()
    assert list(near_duplicates(pairs)) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 << 20


texts = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=9)


@given(texts, texts)
def test_near_identical_answers_are_those_with_the_same_words(left: str, right: str) -> None:
    def words(text: str) -> bytes:
        return re.sub(rb"[\s.,;!?*#]+", b" ", text.encode().lower()).strip()

    same = words(left) == words(right)
    assert list(near_identical([row(0, "", left, right)])) == ([0] if same else [])


@given(st.text(st.characters(max_codepoint=127), max_size=30), texts)
def test_the_language_of_ascii_is_that_beside_a_symbol(letters: str, text: str) -> None:
    for ascii_text in (letters, text.encode("ascii", "ignore").decode() * 4):
        assert language_of(ascii_text) == language_of(f"{ascii_text} ∑")


SECRET = st.sampled_from(
    [
        "PassWord = 'abcdefgh12'", "paſſword = 'abcdefgh12'", "API_KEY: \"abcdefgh12\"", "sk-" + "abcdefghij" * 3,
        "AKIAABCDEFGHIJ234567", "github_pat_" + "ab12Cd" * 10, "AIza" + "abcde" * 7, "hf_" + "abcdef" * 6,
        "-----BEGIN PRIVATE KEY-----MIIabc", "xoxb-abcdef12345", "ghr_" + "ab12Cd" * 6, "passwd=\"s3cr3t-x!\"",
        "ann@posteo.net", "+49 171 234 5678", "212-09-9999", "4539 5787 6362 1486", "plain",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(SECRET, texts), max_size=3).map(" ".join))
def test_what_spares_texts_the_patterns_hides_no_match(text: str) -> None:
    every = [
        (secrets.find_secret, secrets._SECRET_PATTERNS, secrets._is_secret),
        (secrets.find_personal_data, secrets._PERSONAL_PATTERNS, secrets._is_personal),
    ]
    for find, patterns, is_one in every:
        assert find(text) == secrets._first_kind(text, patterns, is_one)


def test_the_first_of_equal_phrases_is_reported() -> None:
    """Which one must not depend on the hash seed of the process."""
    pairs = [row(n, "why?", f"Sure thing my friend {n} ok", f"{n} no") for n in range(60)]
    known = [(None, None)] * len(pairs)
    assert leaking_features(pairs, known)[0].feature == "begins with 'sure'"
