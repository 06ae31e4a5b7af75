"""Features of form that leak which answer is preferred: training would learn these instead of quality."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .languages import Languages
from .pair_sample import SampledPair

MIN_PAIRS = 50
MIN_COVERAGE = 0.5
"""Share of pairs in which exactly one answer has the feature."""
MIN_ACCURACY = 0.95
"""Share of those in which it is the same side."""
MAX_PHRASES = 200
"""Phrases that are counted in full."""
LENGTH_ACCURACY = 0.98
MAX_WORDS = 4
"""Words of a phrase."""

FORMS: dict[str, Callable[[str], bool]] = {
    "begins with white space": lambda text: text[:1].isspace(),
    "ends with white space": lambda text: text[-1:].isspace(),
    "begins with a lower-case letter": lambda text: text[:1].islower(),
    "ends with a sentence mark": lambda text: text.rstrip()[-1:] in ".!?。！？…",
    "has more than one line": lambda text: "\n" in text.strip(),
    "has a Markdown list": lambda text: (
        re.search(r"(?m)^ {0,3}(?:[-*]|\d{1,3}\.) ", text) is not None
    ),
    "has bold text": lambda text: "**" in text,
    "has a code block": lambda text: "```" in text,
    "is ASCII only": lambda text: text.isascii(),
}


@dataclass(frozen=True)
class LeakingFeature:
    """A feature that one side has and the other has not."""

    feature: str
    side: str
    """Which answers have it: chosen or rejected."""
    coverage: float
    accuracy: float
    examples: list[int]
    """Positions of the first pairs in which one answer alone has it."""


def leaking_features(
    pairs: Sequence[SampledPair], languages: Sequence[Languages]
) -> list[LeakingFeature]:
    """Find features that mark the preferred answer, whatever it means.

    Args:
        pairs: The rows.
        languages: Those of chosen and rejected of each row, by `language_of`.

    Returns:
        At most one feature of each kind: a phrase, a form, the length, the language.
    """
    if len(pairs) < MIN_PAIRS:
        return []
    answers = [pair.answers for pair in pairs]
    found = []
    for candidates in (_phrases(answers), _forms(answers), _length(answers), _languages(languages)):
        best = max(candidates, key=lambda one: one.coverage * one.accuracy, default=None)
        if best is not None:
            found.append(best)
    return found


def _measure(
    feature: str, has: Sequence[tuple[bool, bool]], min_accuracy: float = MIN_ACCURACY
) -> LeakingFeature | None:
    """A feature with its figures; None unless it leaks which answer is preferred."""
    only_chosen = [at for at, sides in enumerate(has) if sides == (True, False)]
    only_rejected = [at for at, sides in enumerate(has) if sides == (False, True)]
    one_sided = len(only_chosen) + len(only_rejected)
    more = max(only_chosen, only_rejected, key=len)
    if one_sided < MIN_COVERAGE * len(has) or len(more) < min_accuracy * one_sided:
        return None
    side = "chosen" if more is only_chosen else "rejected"
    return LeakingFeature(feature, side, one_sided / len(has), len(more) / one_sided, more[:10])


def _phrases(answers: Sequence[tuple[str, str]]) -> Iterator[LeakingFeature]:
    """Beginnings and ends of one to four words."""
    for find, verb in ((_beginnings, "begins with"), (_ends, "ends with")):
        edges = [(find(chosen), find(rejected)) for chosen, rejected in answers]
        counts = Counter(
            phrase
            for chosen, rejected in edges
            if chosen != rejected
            for phrase in _of_one_side(chosen, rejected)
        )
        for phrase, count in counts.most_common(MAX_PHRASES):
            if count < MIN_COVERAGE * len(answers):
                break
            sides = [(phrase in chosen, phrase in rejected) for chosen, rejected in edges]
            if (found := _measure(f"{verb} {phrase!r}", sides)) is not None:
                yield found


def _of_one_side(left: list[str], right: list[str]) -> Iterator[str]:
    """The phrases that only one answer has; in order, since the first of equals is reported."""
    yield from (phrase for phrase in left if phrase not in right)
    yield from (phrase for phrase in right if phrase not in left)


def _beginnings(text: str) -> list[str]:
    words = text.lower().split(None, MAX_WORDS)[:MAX_WORDS]
    return [" ".join(words[:count]) for count in range(1, len(words) + 1)]


def _ends(text: str) -> list[str]:
    words = text.lower().rsplit(None, MAX_WORDS)[-MAX_WORDS:]
    return [" ".join(words[-count:]) for count in range(1, len(words) + 1)]


def _forms(answers: Sequence[tuple[str, str]]) -> Iterator[LeakingFeature]:
    for name, test in FORMS.items():
        sides = [(test(chosen), test(rejected)) for chosen, rejected in answers]
        if (found := _measure(name, sides)) is not None:
            yield found


def _length(answers: Sequence[tuple[str, str]]) -> Iterator[LeakingFeature]:
    sides = [(len(a) > len(b), len(b) > len(a)) for a, b in answers]
    if (found := _measure("is the longer one", sides, LENGTH_ACCURACY)) is not None:
        yield found


def _languages(known: Sequence[Languages]) -> Iterator[LeakingFeature]:
    for language in {name for sides in known for name in sides if name}:
        sides = [(chosen == language, rejected == language) for chosen, rejected in known]
        if (found := _measure(f"is in {language}", sides)) is not None:
            yield found
