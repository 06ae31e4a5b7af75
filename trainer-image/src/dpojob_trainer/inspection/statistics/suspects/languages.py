"""The language of a text, by its script and by frequent words; unknown where neither is clear."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

MAX_CHARACTERS = 1000
MIN_LETTERS = 24
"""A text with fewer letters has no known language."""
_SCRIPTS = {
    "Japanese": "\u3041-\u30ff",
    "Korean": "\uac00-\ud7af\u1100-\u11ff",
    "Chinese": "\u4e00-\u9fff\u3400-\u4dbf",
    "Russian or another language in Cyrillic": "\u0400-\u052f",
    "Arabic": "\u0600-\u06ff\u0750-\u077f",
    "Hindi or another language in Devanagari": "\u0900-\u097f",
    "Greek": "\u0370-\u03ff",
    "Hebrew": "\u0590-\u05ff",
    "Thai": "\u0e00-\u0e7f",
}
_LETTER = re.compile(r"[^\W\d_]")
_NO_ASCII_LETTERS = bytes(set(range(256)) - set(string.ascii_letters.encode()))
_ASCII_WORDS = bytes.maketrans(_NO_ASCII_LETTERS, b" " * len(_NO_ASCII_LETTERS)).lower()
"""ASCII letters in lower case, and a space for any other byte."""
_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
FREQUENT_WORDS = {
    "English": "the and of to is in that it for you with are this be as on not can have from",
    "German": "der die das und ist nicht ein eine zu den mit von sie auf für im auch sich es dem",
    "French": "le la les des et est une un dans pour que qui pas vous sur avec du ce plus au",
    "Spanish": "el la los las que y en un una es por con para no del se su al más como",
    "Italian": "il di che e la un una per non è sono con del della le si i da più come",
    "Portuguese": "o a os que e de em um uma para não com do da é se por mais no na",
    "Dutch": "de het een en van is dat niet in op te voor met zijn je aan ook er maar",
    "Vietnamese": "và của là có cho không được một các trong này với những người bạn khi để",
}
_WORDS = {name: frozenset(words.split()) for name, words in FREQUENT_WORDS.items()}
_FREQUENT = frozenset().union(*_WORDS.values())
MIN_SHARE = 0.08
"""Share of a text's words that must be frequent ones of its language."""
MIN_DIFFERENT = 4
"""How many different frequent words it must have; code repeats a few such as "do", "as" and "no"."""
MIN_LEAD = 1.3
"""How many times more frequent words it must have than in the next language."""

RARE_SHARE = 0.1
"""Share of rows up to which a language is the exception."""
MIN_ROWS = 50
"""With fewer rows of a known language, no language is the exception."""


@cache
def _script_patterns() -> Mapping[str, re.Pattern[str]]:
    """Compiled for the first text that is not ASCII: these ranges take long to compile."""
    return {name: re.compile(f"[{characters}]") for name, characters in _SCRIPTS.items()}


Languages = tuple[str | None, str | None]
"""The languages of two answers; None where one is not known."""


def language_of(text: str) -> str | None:
    """Guess the language of a text.

    Args:
        text: Any text; code in fences does not count.

    Returns:
        The language; None where the text is short, or no language is clearly the likeliest.
    """
    text = text[:MAX_CHARACTERS]
    if "```" in text:
        text = _CODE.sub(" ", text)
    if text.isascii():
        words = text.encode().translate(_ASCII_WORDS).decode().split()
        letters = sum(map(len, words))
    else:
        letters = len(_LETTER.findall(text))
        for name, pattern in _script_patterns().items():
            found = len(pattern.findall(text))
            # A Chinese character counts like a few letters, and Japanese mixes them with its syllables.
            if found >= 6 and found > (0.1 if name == "Japanese" else 0.4) * letters:
                return name
        words = _WORD.findall(text.lower())
    if letters < MIN_LETTERS:
        return None
    known = [word for word in words if word in _FREQUENT]
    counts = sorted(
        ((sum(map(frequent.__contains__, known)), name) for name, frequent in _WORDS.items()),
        reverse=True,
    )
    (best, name), (second, _) = counts[:2]
    different = len(_WORDS[name].intersection(known))
    if different < MIN_DIFFERENT or best < MIN_SHARE * len(words) or best < MIN_LEAD * second:
        return None
    return name


def minority_languages(languages: Sequence[Languages]) -> tuple[dict[int, str], str]:
    """Find rows with an answer in a language that few rows have.

    Args:
        languages: Those of chosen and rejected of each row, by `language_of`.

    Returns:
        The language by position, and the names of the common languages.
    """
    known = [set(sides) - {None} for sides in languages]
    counts = Counter(name for names in known for name in names)
    with_language = sum(bool(names) for names in known)
    if with_language < MIN_ROWS:
        return {}, ""
    rare = {name for name, count in counts.items() if count <= RARE_SHARE * with_language}
    common = ", ".join(sorted(name for name in counts if name and name not in rare))
    found = {
        at: min(str(n) for n in names & rare) for at, names in enumerate(known) if names & rare
    }
    return found, common
