"""Which of two answer columns is the preferred one, by their scores over all rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dpojob_api.suggestion import Suggestion
from dpojob_trainer.inspection.layouts import number
from dpojob_trainer.shared.problem_text import yaml_scalar

from .column_heuristics import is_preference_label, score_beside


@dataclass
class PreferenceColumns:
    """Two columns such as response_a and response_b, and those that score them, if any do."""

    first: str
    second: str
    others: Mapping[str, str]
    """The mapping of the other fields, as far as it was guessed."""
    scores: tuple[str, str] | None
    label: str | None = None
    """A column that by its name may say in each row which is the preferred one."""
    higher: list[int] = field(default_factory=lambda: [0, 0])
    """Rows in which the score of the first, of the second is the higher one."""
    equal: int = 0
    unscored: int = 0

    @classmethod
    def of(
        cls, first: str, second: str, others: Mapping[str, str], columns: Sequence[str]
    ) -> PreferenceColumns:
        """Find the score and label columns of two answers.

        Args:
            first: The first answer's column.
            second: The second answer's column.
            others: The mapping of the other fields, as far as it was guessed.
            columns: The dataset's other columns.

        Returns:
            The answers with their scores and their label, as far as names tell them.
        """
        left, right = score_beside(columns, first), score_beside(columns, second)
        scores = (left, right) if left and right else None
        return cls(first, second, others, scores, next(filter(is_preference_label, columns), None))

    def count(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Compare the scores of rows.

        Args:
            rows: Rows with the score columns.
        """
        left, right = self.scores or ("", "")
        for row in rows:
            one, other = number(row.get(left)), number(row.get(right))
            if one is None or other is None:
                self.unscored += 1
            elif one == other:
                self.equal += 1
            else:
                self.higher[one < other] += 1

    def advice(self) -> tuple[str, Suggestion | None]:
        """Advise the user, after `count` of all rows.

        Returns:
            A sentence, and the mapping to write where one answer is always the better one.
        """
        if self.scores is None:
            return ((self._ask() if self.label is None else self._by_row()) + ".", None)
        left, right = self.scores
        first, second = self.higher
        if self.unscored or not (first or second):
            return (f"{self._ask()}; {left!r} and {right!r} do not score every row.", None)
        if first and second:
            return (
                f"{self.first!r} and {self.second!r} look like the two answers, and by {left!r} and "
                f"{right!r} the first is the better one in {_rows(first)}, the second in "
                f"{_rows(second)}{self._ties()}. Neither column is always preferred: write the "
                "better-scored answer of each row into a column chosen, the other one into rejected.",
                None,
            )
        best, worst = (self.first, self.second) if first else (self.second, self.first)
        mapping = self._mapping(best, worst)
        extent = "but for equal ones" if self.equal else "in every row"
        return (
            f"By {left!r} and {right!r} the answer in {best!r} is the better one {extent}{self._ties()}. "
            f"Write in spec.dataset: columnMapping: {_inline(mapping)}.",
            Suggestion(column_mapping=dict(mapping)),
        )

    def _ask(self) -> str:
        return (
            f"{self.first!r} and {self.second!r} look like the two answers, but their names do not "
            f"say which is preferred. If it is always {self.first!r}, write columnMapping: "
            f"{_inline(self._mapping(self.first, self.second))}, else the other way round"
        )

    def _by_row(self) -> str:
        return (
            f"{self.first!r} and {self.second!r} look like the two answers, and {self.label!r} may "
            "say in each row which is preferred; that is not read. Write the preferred answer of each "
            "row into a column chosen, the other one into rejected"
        )

    def _ties(self) -> str:
        return (
            f" ({_rows(self.equal)} with equal scores prefer neither: remove)" if self.equal else ""
        )

    def _mapping(self, best: str, worst: str) -> dict[str, str]:
        kept = {name: column for name, column in self.others.items() if name == "prompt"}
        return {**kept, "chosen": best, "rejected": worst}


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


def _inline(mapping: Mapping[str, str]) -> str:
    return (
        "{" + ", ".join(f"{name}: {yaml_scalar(column)}" for name, column in mapping.items()) + "}"
    )
