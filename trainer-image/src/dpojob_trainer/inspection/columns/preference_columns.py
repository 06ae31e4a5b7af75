"""Which of two answers is the preferred one, by preference labels or scores over all rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dpojob_api.report import Suggestion
from dpojob_api.value_display import flow_yaml
from dpojob_trainer.inspection.layouts import number

from .column_heuristics import (
    PAIR_RANKS,
    PAIR_SCORES,
    columns_beside,
    is_preference_label,
    mark_of,
    preference_of,
)
from .label_values import MOST_VALUES, LabelValues, author_columns

MOST_LABELS = 4
"""Columns that may be preference labels and are counted."""


@dataclass
class PreferenceColumns:
    """Two columns such as response_a and response_b, and those that judge them, if any do."""

    first: str
    second: str
    others: Mapping[str, Any]
    """The mapping of the prompt, as far as it was guessed."""
    scores: tuple[str, str] | None
    ranks: tuple[str, str] | None = None
    """The columns in which the first and the second answer are ranked."""
    labels: list[LabelValues] = field(default_factory=list)
    """Columns that by their names may say in each row which is the preferred one."""
    authors: list[tuple[str, str]] = field(default_factory=list)
    """Columns that may say who wrote the first and the second answer."""
    higher: list[int] = field(default_factory=lambda: [0, 0])
    """Rows in which the score of the first, of the second is the higher one."""
    equal: int = 0
    unscored: int = 0

    @classmethod
    def of(
        cls, first: str, second: str, others: Mapping[str, Any], columns: Sequence[str]
    ) -> PreferenceColumns:
        """Find the score and label columns of two answers.

        Args:
            first: The first answer's column.
            second: The second answer's column.
            others: The mapping of the prompt, as far as it was guessed.
            columns: The dataset's other columns.

        Returns:
            The answers with their scores and their labels, as far as names tell them.
        """
        scores = columns_beside(PAIR_SCORES, columns, first, second)
        ranks = columns_beside(PAIR_RANKS, columns, first, second)
        # Columns that are called after the better answer say more than a label.
        labels = sorted(filter(is_preference_label, columns), key=lambda c: preference_of(c) != 1)
        authors = author_columns([c for c in columns if c not in labels], first, second)
        return cls(
            first,
            second,
            others,
            scores,
            ranks,
            labels=[*map(LabelValues, labels[:MOST_LABELS])],
            authors=authors[:MOST_LABELS] if labels else [],
        )

    @property
    def columns(self) -> list[str]:
        """The columns that `count` needs."""
        authors = [column for pair in self.authors for column in pair]
        labels = [label.column for label in self.labels]
        return [*dict.fromkeys((*(self.scores or ()), *labels, *authors))]

    def count(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Compare the scores of rows, and count their labels.

        Args:
            rows: Rows with `columns`.
        """
        left, right = self.scores or ("", "")
        for row in rows:
            one, other = number(row.get(left)), number(row.get(right))
            higher = None
            if one is None or other is None:
                self.unscored += 1
            elif one == other:
                self.equal += 1
            else:
                higher = int(one < other)
                self.higher[higher] += 1
            authors = {pair: (row.get(pair[0]), row.get(pair[1])) for pair in self.authors}
            for label in self.labels:
                label.add(row.get(label.column), higher, authors)

    def advice(self) -> tuple[str, Suggestion | None]:
        """Advise the user, after `count` of all rows.

        Returns:
            A sentence, and the mapping to write where one answer is always the better one, or where
            it is certain what a label means.
        """
        usable = [label for label in self.labels if label.has_few_values]
        proven = [v for label in usable if (v := label.proven(self.first, self.second))]
        if self._is_scored and not all(self.higher):
            return self._by_scores()
        if proven:
            return self._by_label(proven)
        if self._is_scored:
            # A label that the scores contradict may be the better judge.
            return self._by_differing_scores(is_certain=not usable)
        if self.ranks is not None:
            return (self._ask_ranks(*self.ranks), None)
        if both := self._column_for_each(usable):
            return (self._join(*both), None)
        for label in self.labels:
            if label.names_authors and label.authors is not None:
                return (self._by_author(label.column, *label.authors), None)
        for label in usable:
            if readings := label.readings(self.first):
                return (self._ask_sense(label, readings), None)
        if usable and len(usable[0].counts) > 1:
            return (self._by_row(usable[0]), None)
        for label in self.labels:
            if label.counts and not label.has_few_values:
                return (self._by_text(label), None)
        text = self._ask()
        if self.scores is not None:
            text += f"; {self.scores[0]!r} and {self.scores[1]!r} do not score every row"
        elif usable:
            value = next(iter(usable[0].counts))
            text += f"; {usable[0].column!r} is {value!r} in every row"
        return (f"{text}.", None)

    @property
    def _is_scored(self) -> bool:
        return self.scores is not None and not self.unscored and any(self.higher)

    def _by_scores(self) -> tuple[str, Suggestion]:
        left, right = self.scores or ("", "")
        is_first = bool(self.higher[0])
        best, worst = (self.first, self.second) if is_first else (self.second, self.first)
        mapping = self._mapping(best, worst)
        extent = "but for equal ones" if self.equal else "in every row"
        return (
            f"By {left!r} and {right!r} the answer in {best!r} is the better one {extent}{self._ties()}. "
            f"Write in spec.dataset: columnMapping: {flow_yaml(mapping)}.",
            Suggestion(column_mapping=mapping),
        )

    def _by_label(self, proven: Sequence[dict[str, Any]]) -> tuple[str, Suggestion]:
        mapping = {**self._mapping(self.first, self.second), "verdict": proven[0]}
        text = (
            f"{proven[0]['column']!r} says in each row which of {self.first!r} and {self.second!r} is "
            f"preferred. Write in spec.dataset: columnMapping: {flow_yaml(mapping)}."
        )
        if len(proven) > 1:
            text += f" Or, by {proven[1]['column']!r}: verdict: {flow_yaml(proven[1])}."
        return text, Suggestion(column_mapping=mapping)

    def _by_differing_scores(self, *, is_certain: bool) -> tuple[str, Suggestion | None]:
        left, right = self.scores or ("", "")
        first, second = self.higher
        scores = {"first": left, "second": right}
        mapping = {**self._mapping(self.first, self.second), "scores": scores}
        return (
            f"{self.first!r} and {self.second!r} look like the two answers, and by {left!r} and "
            f"{right!r} the first is the better one in {_rows(first)}, the second in "
            f"{_rows(second)}{self._ties()}. Write in spec.dataset: columnMapping: {flow_yaml(mapping)}, "
            "by which the better-scored answer of each row is the preferred one.",
            Suggestion(column_mapping=mapping) if is_certain else None,
        )

    def _ask_ranks(self, left: str, right: str) -> str:
        mapping = self._mapping(self.first, self.second)
        lower, higher = (
            flow_yaml({**mapping, "scores": {"first": left, "second": right, "better": better}})
            for better in ("Lower", "Higher")
        )
        return (
            f"{self.first!r} and {self.second!r} look like the two answers, and {left!r} and {right!r} rank "
            f"them. If the lower rank is the better one, write columnMapping: {lower}; else {higher}."
        )

    def _ask_sense(self, label: LabelValues, readings: Sequence[dict[str, Any]]) -> str:
        mappings = [
            flow_yaml({**self._mapping(self.first, self.second), "verdict": reading})
            for reading in readings
        ]
        which = "is the worse one" if label.is_of_worse else "is preferred"
        text = (
            f"{self.first!r} and {self.second!r} look like the two answers, and {label.column!r} may say "
            f"in each row which {which}, but not in which sense. "
        )
        side = "second" if label.is_of_worse else "first"
        if len(readings) == 2:
            return (
                f"{text}If {_shown(readings[0][side])} stands for {self.first!r}, write columnMapping: "
                f"{mappings[0]}; if it stands for {self.second!r}, write columnMapping: {mappings[1]}."
            )
        return text + " ".join(
            f"If {_shown(reading[side])} stands for {self.first!r} and {_shown(reading['tie'])} for a tie, "
            f"write columnMapping: {mapping}."
            for reading, mapping in zip(readings, mappings, strict=True)
        )

    def _by_author(self, column: str, first: str, second: str) -> str:
        return (
            f"{column!r} names in each row who wrote the {self._judged(column)} answer, not which of "
            f"{self.first!r} and {self.second!r} it is. Compare it with {first!r} and {second!r} by row, "
            f"with pandas by df['side'] = numpy.select([df[{first!r}] == df[{second!r}], "
            f"df[{column!r}] == df[{first!r}], df[{column!r}] == df[{second!r}]], ['tie', 'a', 'b'], "
            f"'tie'), and write columnMapping: {self._sides('side', column)}."
        )

    def _by_text(self, label: LabelValues) -> str:
        text = (
            f"{self.first!r} and {self.second!r} look like the two answers, and {label.column!r} may say "
            f"in each row which is preferred, but has more than {MOST_VALUES} values. "
        )
        if label.is_judged:
            return (
                f"{text}Write the judge's mark into one column, with pandas by df['side'] = "
                f"df[{label.column!r}].str.extract(r'\\[\\[([ABC])\\]\\]')[0], and columnMapping: "
                f"{self._sides('side', label.column, tie='c')}."
            )
        return (
            f"{text}Write a, b or tie into one column by it, and columnMapping: "
            f"{self._sides('side', label.column)}."
        )

    def _judged(self, column: str) -> str:
        return "worse" if preference_of(column) == -1 else "preferred"

    def _sides(self, name: str, column: str, tie: str = "tie") -> str:
        """The mapping by a column of a, b and tie, written from a column that names one answer."""
        first, second = ("b", "a") if preference_of(column) == -1 else ("a", "b")
        label = {"column": name, "first": first, "second": second, "tie": tie}
        return flow_yaml({**self._mapping(self.first, self.second), "verdict": label})

    def _column_for_each(self, labels: Sequence[LabelValues]) -> tuple[str, str] | None:
        """Two columns of 0 and 1, one for each answer, such as winner_model_a and winner_model_b."""
        named = [
            next((v.column for v in labels if v.is_flag and mark_of(v.column) == mark), None)
            for mark in (mark_of(self.first), mark_of(self.second))
        ]
        return (named[0], named[1]) if named[0] and named[1] else None

    def _join(self, first: str, second: str) -> str:
        mapping = self._mapping(self.first, self.second)
        label = {"column": "winner", "first": "a", "second": "b", "tie": "tie"}
        return (
            f"{first!r} and {second!r} say together which of {self.first!r} and {self.second!r} is "
            "preferred; a row with neither is a tie. Write them into one column, with pandas by "
            f"df['winner'] = numpy.select([df[{first!r}] == 1, df[{second!r}] == 1], ['a', 'b'], 'tie'), "
            f"and columnMapping: {flow_yaml({**mapping, 'verdict': label})}."
        )

    def _ask(self) -> str:
        return (
            f"{self.first!r} and {self.second!r} look like the two answers, but their names do not "
            f"say which is preferred. If it is always {self.first!r}, write columnMapping: "
            f"{flow_yaml(self._mapping(self.first, self.second))}, else the other way round"
        )

    def _by_row(self, label: LabelValues) -> str:
        values = ", ".join(list(label.counts)[:6])
        pattern = flow_yaml(self._mapping(self.first, self.second))[:-1]
        return (
            f"{self.first!r} and {self.second!r} look like the two answers, and {label.column!r} may "
            f"say in each row which is preferred; its values are {values}. Write columnMapping: "
            f"{pattern}, verdict: {{column: {flow_yaml(label.column)}, first: ..., second: ..., tie: "
            "...}} with the values that prefer each."
        )

    def _ties(self) -> str:
        return (
            f" ({_rows(self.equal)} with equal scores prefer neither: remove)" if self.equal else ""
        )

    def _mapping(self, best: str, worst: str) -> dict[str, Any]:
        kept = {name: column for name, column in self.others.items() if name == "prompt"}
        return {**kept, "chosen": best, "rejected": worst}


def _shown(values: str | Sequence[str]) -> str:
    return values if isinstance(values, str) else " or ".join(values)


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"
