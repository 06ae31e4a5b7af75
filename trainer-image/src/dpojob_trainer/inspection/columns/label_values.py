"""What the values of a label column mean: read where names or scores prove it, else asked of the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
HOLDERS = (
    "model",
    "response",
    "answer",
    "assistant",
    "output",
    "completion",
    "candidate",
    "option",
    "text",
)


@dataclass
class LabelValues:
    """The values of one label column over all rows, beside the scores of the answers."""

    column: str
    counts: Counter[str] = field(default_factory=Counter)
    better: dict[str, list[int]] = field(default_factory=dict)
    """The numbers of rows in which the first, the second answer has the higher score, by value."""
    nulls: int = 0

    def add(self, value: Any, higher: int | None) -> None:
        """Count a row.

        Args:
            value: The value of the column.
            higher: Which answer has the higher score, 0 or 1; None where scores say nothing.
        """
        text = label_text(value)
        if not isinstance(text, str) or not text:
            self.nulls += 1
            return
        if text not in self.counts and len(self.counts) > MOST_VALUES:
            return
        self.counts[text] += 1
        if higher is not None:
            self.better.setdefault(text, [0, 0])[higher] += 1

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
        return names if names is not None else self._by_scores()

    def _by_names(self, first: str, second: str) -> dict[str, Any] | None:
        meanings = {value: _meaning(value, first, second) for value in self.counts}
        marks = mark_of(first), mark_of(second)
        # A number is the name of an answer only in a column that is called after the better one.
        if preference_of(self.column) == 1 and marks[0].isdecimal():
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
        return _entry(self.column, sides[0], sides[1], ties)

    def _by_scores(self) -> dict[str, Any] | None:
        """Values of which each has always the same answer as the higher-scored one, both in use."""
        sides: list[list[str]] = [[], []]
        ties = []
        for value in self.counts:
            higher = self.better.get(value, [0, 0])
            if not any(higher) and (_is_tie(value) or value == "0"):
                ties.append(value)
            elif all(higher) or not any(higher):
                return None
            else:
                sides[0 if higher[0] else 1].append(value)
        return _entry(self.column, sides[0], sides[1], ties) if all(sides) else None

    def readings(self) -> list[dict[str, Any]]:
        """List the two entries between which the user must choose.

        Returns:
            The entry by which the smaller values are for the first answer, and the other way round;
            none where the values are not two sides.
        """
        values = [value for value in self.counts if not _is_tie(value)]
        ties = [value for value in self.counts if _is_tie(value)]
        signed = [value for value in values if value.startswith("-")]
        if signed:
            sides = [signed, [v for v in values if v not in signed and v != "0"]]
            ties += [v for v in values if v == "0"]
        elif len(values) == 3 and {*values} == {"0", "1", "2"}:
            sides, ties = [["1"], ["2"]], [*ties, "0"]
        elif len(values) == 2:
            sides = [[value] for value in sorted(values)]
        else:
            return []
        if not all(sides):
            return []
        return [
            _entry(self.column, sides[0], sides[1], ties),
            _entry(self.column, sides[1], sides[0], ties),
        ]


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
    return name in TIES or name.startswith("tie")


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
