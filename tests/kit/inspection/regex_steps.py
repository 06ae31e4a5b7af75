"""Counts the steps of a backtracking regular expression search, so that its growth can be tested without a clock.

The matcher walks the parse tree of Python's own parser and tries alternatives in the order of `re`; a step
is one test of one character or position. It holds no optimization of `re`, so it counts at least as many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from re import _constants as op  # type: ignore[attr-defined]  # isort: skip
from re import _parser  # type: ignore[attr-defined]  # isort: skip

CHARACTERS = (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN)
CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d", op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s", op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w", op.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


def search_steps(pattern: re.Pattern[str], text: str) -> int:
    """The steps of `pattern.sub("", text)`, which takes at least those of `search` and `match`."""
    matcher = _Matcher(pattern, text)
    tree = list(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))
    start = 0
    while start <= len(text):
        end = next(matcher.match(tree, start), None)
        start = max(start + 1, end or 0)
    return matcher.steps


class _Matcher:
    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.ignore_case = bool(pattern.flags & re.IGNORECASE)
        self.text = text.lower() if self.ignore_case else text
        self.steps = 0

    def match(self, items: list[Any], at: int) -> Iterator[int]:
        """The ends of all matches of a sequence that begin at a position, in the order of `re`."""
        if not items:
            yield at
            return
        (kind, argument), rest = items[0], items[1:]
        for end in self._one(kind, argument, at):
            yield from self.match(rest, end)

    def _one(self, kind: Any, argument: Any, at: int) -> Iterator[int]:
        if kind in CHARACTERS:
            self.steps += 1
            if at < len(self.text) and self._fits(kind, argument, self.text[at]):
                yield at + 1
        elif kind is op.AT:
            self.steps += 1
            if self._holds(argument, at):
                yield at
        elif kind is op.SUBPATTERN:
            yield from self.match(list(argument[3]), at)
        elif kind is op.BRANCH:
            for branch in argument[1]:
                yield from self.match(list(branch), at)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            direction, inner = argument
            start = at if direction > 0 else at - inner.getwidth()[0]
            found = start >= 0 and next(self.match(list(inner), start), None) is not None
            if found == (kind is op.ASSERT):
                yield at
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            low, high, inner = argument
            if len(inner) == 1 and inner[0][0] in CHARACTERS:
                yield from self._run(inner[0], low, high, at, kind is op.MAX_REPEAT)
                return
            yield from self._repeat(list(inner), low, high, at, kind is op.MAX_REPEAT)
        elif kind is op.POSSESSIVE_REPEAT:
            # The longest one only: it gives nothing back.
            ends = self.match([(op.MAX_REPEAT, argument)], at)
            yield from islice(ends, 1)
        else:
            raise NotImplementedError(str(kind))

    def _run(self, item: Any, low: int, high: int, at: int, greedy: bool) -> Iterator[int]:
        """A repeated single character, without recursion."""
        ends = range(at, min(len(self.text), at + int(high)) + 1)
        if not greedy:
            for end in ends:
                if end - at >= low:
                    yield end
                if next(self._one(*item, end), None) is None:
                    return
            return
        end = at
        while end < ends[-1] and next(self._one(*item, end), None) is not None:
            end += 1
        yield from range(end, at + low - 1, -1)

    def _repeat(
        self, inner: list[Any], low: int, high: int, at: int, greedy: bool
    ) -> Iterator[int]:
        if low <= 0 and not greedy:
            yield at
        if high > 0:
            for end in self.match(inner, at):
                if end > at:
                    yield from self._repeat(inner, low - 1, high - 1, end, greedy)
        if low <= 0 and greedy:
            yield at

    def _fits(self, kind: Any, argument: Any, character: str) -> bool:
        if kind is op.ANY:
            return character != "\n"
        if kind is op.IN:
            negated = argument[0][0] is op.NEGATE
            return negated != any(self._in_class(*item, character) for item in argument)
        return (self._folded(argument) == character) == (kind is op.LITERAL)

    def _in_class(self, kind: Any, argument: Any, character: str) -> bool:
        if kind is op.LITERAL:
            return self._folded(argument) == character
        if kind is op.RANGE:
            return argument[0] <= ord(character) <= argument[1]
        return kind is op.CATEGORY and re.match(CATEGORIES[argument], character) is not None

    def _folded(self, code: int) -> str:
        return chr(code).lower() if self.ignore_case else chr(code)

    def _holds(self, place: Any, at: int) -> bool:
        if place in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
            return at == 0
        if place in (op.AT_END, op.AT_END_STRING):
            return at == len(self.text)
        before = at > 0 and re.match(r"\w", self.text[at - 1]) is not None
        after = at < len(self.text) and re.match(r"\w", self.text[at]) is not None
        return (before != after) == (place is op.AT_BOUNDARY)


def literals(pattern: re.Pattern[str]) -> list[str]:
    """The literal words of a pattern, from which a text is made that it nearly matches."""
    words: list[str] = []

    def walk(items: Any) -> None:
        word = ""
        for kind, argument in items:
            if kind is op.LITERAL:
                word += chr(argument)
                continue
            words.append(word)
            word = ""
            if kind is op.SUBPATTERN:
                walk(argument[3])
            elif kind is op.BRANCH:
                for branch in argument[1]:
                    walk(branch)
            elif kind in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
                walk(argument[2])
            elif kind in (op.ASSERT, op.ASSERT_NOT):
                walk(argument[1])
            elif kind is op.IN:
                words.extend(chr(code) for item, code in argument if item is op.LITERAL)
        words.append(word)

    walk(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE))
    return sorted({word for word in words if word})
