"""What the values of a label column mean: read where names or scores prove it, else asked of the user."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dpojob_api.spec import label_text

from .column_heuristics import mark_of, preference_of, simplified

MOST_VALUES = 24
"""A column with more values is no preference label."""
TIES = frozenset(
    ("tie", "ties", "tied", "draw", "equal", "both", "neither", "none", "same", "no_preference",
     "bothbad", "both_bad", "both_good", "similar", "undecided")
)  # fmt: skip
JUDGES_TIE = "[[c]]"
"""How a judge by MT-Bench's prompt writes a tie, beside [[A]] and [[B]]."""
JUDGES_MARK = re.compile(r"\[\[[abc]\]\]")
HOLDERS = (
    "model", "response", "answer", "assistant", "output", "completion", "candidate", "option", "text",
)  # fmt: skip
"""Words before an answer's mark in a label that names it, such as model_a of response_a."""


@dataclass
class LabelValues:
    """The values of one label column over all rows, beside the scores of the answers."""

    column: str
    counts: Counter[str] = field(default_factory=Counter)
    better: dict[str, list[int]] = field(default_factory=dict)
    """The numbers of rows in which the first, the second answer has the higher score, by value."""
    nulls: int = 0
    authors: tuple[str, str] | None = None
    """The columns of which one holds the value in each row: those that say who wrote the answers."""
    by_author: dict[str, list[int]] = field(default_factory=dict)
    """The numbers of rows in which the value is the author of the first, the second answer, by value."""
    unnamed: int = 0
    """Rows whose value is neither an author nor a tie."""
    unjudged: int = 0
    """Rows whose value holds no mark of a judge such as [[A]], perhaps after a reasoning."""

    def add(
        self, value: Any, higher: int | None, authors: Mapping[tuple[str, str], tuple[Any, Any]]
    ) -> None:
        """Count a row.

        Args:
            value: The value of the column.
            higher: Which answer has the higher score, 0 or 1; None where scores say nothing.
            authors: What the row holds in the columns that may say who wrote the two answers.
        """
        text = label_text(value)
        if not isinstance(text, str) or not text:
            self.nulls += 1
            return
        self.unjudged += JUDGES_MARK.search(text) is None
        author = self._author(text, authors)
        if text not in self.counts and len(self.counts) > MOST_VALUES:
            return
        self.counts[text] += 1
        if higher is not None:
            self.better.setdefault(text, [0, 0])[higher] += 1
        if author is not None:
            self.by_author.setdefault(text, [0, 0])[author] += 1

    def _author(self, text: str, authors: Mapping[tuple[str, str], tuple[Any, Any]]) -> int | None:
        """The answer that a value names by its author, 0 or 1; None where it names neither or both."""
        named = False
        for columns, values in authors.items() if not text.removeprefix("-").isdecimal() else ():
            sides = [label_text(value) == text for value in values]
            if sum(sides) == 1:
                self.authors = self.authors or columns
                return sides.index(True)
            named = named or all(sides)
        self.unnamed += not named and not _is_tie(text)
        return None

    @property
    def names_authors(self) -> bool:
        """Whether every value that is no tie names who wrote one of the row's answers."""
        return self.authors is not None and not self.unnamed

    @property
    def is_judged(self) -> bool:
        """Whether every value holds the mark of a judge."""
        return bool(self.counts) and not self.unjudged

    @property
    def is_of_worse(self) -> bool:
        """Whether the column is called after the answer that is not preferred."""
        return preference_of(self.column) == -1

    @property
    def has_few_values(self) -> bool:
        """Whether there are as few values as a preference label has."""
        return 0 < len(self.counts) <= MOST_VALUES

    @property
    def is_flag(self) -> bool:
        """Whether every value is 0 or 1."""
        return {*self.counts} == {"0", "1"}

    def proven(self, first: str, second: str) -> dict[str, Any] | None:
        """Write the entry of `columnMapping.verdict`, where its sense is certain.

        Args:
            first: The first answer's column.
            second: The second answer's column.

        Returns:
            The entry; None where names and scores do not prove it.
        """
        names = self._by_names(first, second)
        if names is not None:
            return names
        if self.names_authors:
            return self._by_rows(self.by_author) if len(self.by_author) == 2 else None
        return self._by_rows(self.better)

    def _by_names(self, first: str, second: str) -> dict[str, Any] | None:
        meanings = {value: _meaning(value, first, second) for value in self.counts}
        marks = mark_of(first), mark_of(second)
        # A number is the name of an answer only in a column that is called after one of them.
        if preference_of(self.column) and marks[0].isdecimal():
            meanings |= {v: marks.index(v) for v in self.counts if v in marks}
        sides: list[list[str]] = [[v for v, side in meanings.items() if side == s] for s in (0, 1)]
        ties = [v for v in self.counts if _is_tie(v)]
        if len(sides[0]) + len(sides[1]) + len(ties) < len(self.counts) or not (
            sides[0] or sides[1]
        ):
            return None
        for own, other, answer, against in ((0, 1, first, second), (1, 0, second, first)):
            if not sides[own]:
                sides[own] = [_counterpart(sides[other][0], against, answer)]
        return self._entry(sides, ties)

    def _by_rows(self, evidence: Mapping[str, Sequence[int]]) -> dict[str, Any] | None:
        """Values of which each stands for the same answer in all rows, both answers in use.

        Args:
            evidence: The numbers of rows in which a value stands for the first, the second answer.

        Returns:
            The entry; None where a value stands for either or for none.
        """
        sides: list[list[str]] = [[], []]
        ties = []
        for value in self.counts:
            rows = evidence.get(value, [0, 0])
            if not any(rows) and (_is_tie(value) or value == "0"):
                ties.append(value)
            elif all(rows) or not any(rows):
                return None
            else:
                sides[0 if rows[0] else 1].append(value)
        if not all(sides):
            return None
        # A score says which answer is preferred, whatever the column is called.
        return (
            _entry(self.column, sides[0], sides[1], ties)
            if evidence is self.better
            else self._entry(sides, ties)
        )

    def readings(self, first: str) -> list[dict[str, Any]]:
        """List the entries between which the user must choose.

        Args:
            first: The first answer's column.

        Returns:
            The entry by which the smaller values are for the first answer, and the other way round, of
            0, 1 and 2 with either end as the tie, that which fits the names of the answers first; none
            where the values are not two sides.
        """
        values = [value for value in self.counts if not _is_tie(value)]
        ties = [value for value in self.counts if _is_tie(value)]
        signed = [value for value in values if value.startswith("-")]
        if signed:
            sides = [signed, [v for v in values if v not in signed and v != "0"]]
            ties += [v for v in values if v == "0"]
        elif len(values) == 3 and {*values} == {"0", "1", "2"}:
            from_one = self._both_ways([["1"], ["2"]], [*ties, "0"])
            from_zero = self._both_ways([["0"], ["1"]], [*ties, "2"])
            return from_zero + from_one if mark_of(first) == "0" else from_one + from_zero
        elif len(values) == 2:
            # The true value of a flag comes first.
            sides = [[value] for value in sorted(values, reverse={*values} == {"true", "false"})]
        else:
            return []
        return self._both_ways(sides, ties) if all(sides) else []

    def _both_ways(
        self, sides: Sequence[Sequence[str]], ties: Sequence[str]
    ) -> list[dict[str, Any]]:
        return [self._entry(sides, ties), self._entry([*reversed(sides)], ties)]

    def _entry(self, sides: Sequence[Sequence[str]], ties: Sequence[str]) -> dict[str, Any]:
        """The entry for the values that stand for the first, the second answer."""
        first, second = reversed(sides) if self.is_of_worse else sides
        return _entry(self.column, first, second, ties)


def author_columns(columns: Sequence[str], first: str, second: str) -> list[tuple[str, str]]:
    """Find columns that may say who wrote each of two answers.

    Args:
        columns: The columns to choose from.
        first: The first answer's column.
        second: The second answer's column.

    Returns:
        Pairs of columns whose names differ like those of the answers, such as model_a and model_b
        beside response_a and response_b.
    """
    marks = mark_of(first), mark_of(second)
    by_name = {simplified(column): column for column in columns}
    pairs = []
    for name, column in by_name.items():
        words = name.split("_")
        other = "_".join(marks[1] if word == marks[0] else word for word in words)
        if other == name:
            other = name.removesuffix(marks[0]) + marks[1]
        if marks[0] in (*words, name[-len(marks[0]) :]) and other in by_name:
            pairs.append((column, by_name[other]))
    return pairs


def are_labels(values: Sequence[str], first: str, second: str) -> bool:
    """Tell whether texts name one of two answers each, so that they are no answers themselves.

    Args:
        values: The texts of a column.
        first: The first answer's column.
        second: The second answer's column.

    Returns:
        Whether all do, or say that the answers tie.
    """
    return bool(values) and all(
        _is_tie(value) or _meaning(value, first, second) is not None for value in values
    )


def _entry(
    column: str, first: Sequence[str], second: Sequence[str], ties: Sequence[str]
) -> dict[str, Any]:
    sides = {"first": first, "second": second, "tie": ties}
    return {"column": column} | {
        name: values[0] if len(values) == 1 else sorted(values)
        for name, values in sides.items()
        if values
    }


def _is_tie(value: str) -> bool:
    name = simplified(value)
    return name in TIES or name.startswith("tie") or value.lower() == JUDGES_TIE


def _meaning(value: str, first: str, second: str) -> int | None:
    """0 or 1 for a value that names the first or the second answer; None for others and for numbers."""
    name = simplified(value)
    if not name or name.isdecimal() or _is_tie(value):
        return None
    named = [name in _names(first), name in _names(second)]
    return named.index(True) if sum(named) == 1 else None


def _names(answer: str) -> set[str]:
    mark = mark_of(answer)
    return {simplified(answer), mark, *(f"{holder}_{mark}" for holder in HOLDERS)}


def _counterpart(value: str, answer: str, other: str) -> str:
    """The value for the other answer, written like a value for an answer."""
    mark, wanted = mark_of(answer), mark_of(other)
    if value == answer.lower():
        return other.lower()
    return value.removesuffix(mark) + wanted if value.endswith(mark) else simplified(other)
