"""Row errors counted over a split, and the problems that the report makes of them: one a code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from dpojob_api.report import Problem, ProblemCode
from dpojob_api.spec import MessageMapping
from dpojob_api.value_display import flow_yaml
from dpojob_trainer.shared.rows.row_error import CURATED, LEFT_OUT, RowError

MAX_EXAMPLES = 10
"""Row numbers kept of each code."""
MAX_DETAILS_SHOWN = 3
"""Different details named in a message."""
MAX_DETAILS = 100
"""Different details counted of each code."""
MAX_NAME = 60
"""Characters kept of a key or role that is suggested."""

DEFAULT_REMEDIES: Mapping[str, str] = {
    ProblemCode.MISSING_COLUMN: "give all files the same columns, or name the right files in path",
    ProblemCode.AMBIGUOUS_FORMAT: "bring all rows into one format: text, or message lists",
    ProblemCode.WRONG_TYPE: "an answer must be text or a list of messages",
    ProblemCode.NULL_VALUE: "fill these rows in or remove them",
    ProblemCode.EMPTY_TEXT: "remove these rows, or give them an answer with text",
    ProblemCode.IDENTICAL_PAIR: "there is nothing to prefer in them; remove these rows",
    ProblemCode.BAD_MESSAGE: "each message needs a role (user, assistant, system or tool) and content",
    ProblemCode.LAST_TURN_NOT_ASSISTANT: "end each answer with the assistant's turn",
    ProblemCode.PROMPT_MISMATCH: "both answers must follow the same prompt; correct these rows, or "
    "name the prompt's column in columnMapping.prompt",
    ProblemCode.EMPTY_PROMPT: "name the prompt's column in columnMapping.prompt, or remove these rows",
    ProblemCode.TEMPLATE_IN_TEXT: "write the turns as message lists (role and content) and the answer "
    "without marks of a chat template, or remove these rows",
    ProblemCode.PROMPT_TOO_LONG: "raise training.maxLength, or shorten or remove these rows",
}
"""What to do, by code, where no row's error has a remedy of its own."""
MAP_MESSAGES = "map the messages"
"""Stands for the remedy of writing `columnMapping.messages`, whose entries depend on all rows."""


@dataclass
class ErrorCounts:
    """Errors of rows, counted by code and detail, with the first row numbers of each code."""

    counts: Counter[str] = field(default_factory=Counter)
    """Rows by code."""
    details: dict[str, Counter[str]] = field(default_factory=dict)
    """Rows by code and detail."""
    remedies: dict[str, Counter[str]] = field(default_factory=dict)
    """Rows by code and remedy; an empty text stands for the one in `DEFAULT_REMEDIES`."""
    examples: dict[str, list[int]] = field(default_factory=dict)
    """Row numbers by code."""
    message_mapping: dict[str, Counter[str]] = field(default_factory=dict)
    """The number of rows that each value would make readable, by key of `columnMapping.messages`."""

    def add(self, error: RowError, row: int) -> None:
        """Count one row's error.

        Args:
            error: The error.
            row: The row's number.
        """
        self.counts[error.code] += 1
        details = self.details.setdefault(error.code, Counter())
        # A detail may quote a value, such as an unknown role, so their number must be limited.
        if error.detail in details or len(details) < MAX_DETAILS:
            details[error.detail] += 1
        self.remedies.setdefault(error.code, Counter())[_remedy(error)] += 1
        for key, name in error.message_mapping:
            self.message_mapping.setdefault(key, Counter())[name[:MAX_NAME]] += 1
        examples = self.examples.setdefault(error.code, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(row)

    @property
    def invalid(self) -> int:
        """Rows with an error; those that are left out for another reason do not count."""
        return sum(count for code, count in self.counts.items() if code not in LEFT_OUT)

    @property
    def curated(self) -> dict[str, int]:
        """Rows that `dataset.curate` leaves out, by code."""
        return {code: count for code, count in self.counts.most_common() if code in CURATED}

    def first_curated(self) -> list[int]:
        """Give the numbers of the first rows that `dataset.curate` leaves out.

        Returns:
            At most `MAX_EXAMPLES` row numbers.
        """
        return sorted(row for code in self.curated for row in self.examples[code])[:MAX_EXAMPLES]

    def problems(self, dropped: bool, valid: int) -> list[Problem]:
        """Make the problems for the report.

        Args:
            dropped: Whether training goes on without the rows, so that the problems are warnings.
            valid: How many rows have no error.

        Returns:
            One problem a code, the one with the most rows first.
        """
        return [
            self._problem(code, rows, dropped, valid)
            for code, rows in self.counts.most_common()
            if code not in LEFT_OUT
        ]

    def _problem(self, code: str, rows: int, dropped: bool, valid: int) -> Problem:
        details = self.details[code].most_common(MAX_DETAILS_SHOWN)
        text = "; ".join(
            f"{detail} in {count} row{'s' if count != 1 else ''}" if len(details) > 1 else detail
            for detail, count in details
        )
        more = len(self.details[code]) - len(details)
        noun = "row" if rows == 1 else "rows"
        remedy = (
            "left out (invalidRows: Drop)" if dropped else self._most_common_remedy(code, valid)
        )
        return Problem(
            code=ProblemCode(code),
            rows=rows,
            severity="warning" if dropped else "error",
            examples=self.examples[code],
            message=f"{rows} {noun}: {text}{' and more' if more > 0 else ''}"
            + (f"; {remedy}." if remedy else "."),
        )

    def suggested_message_mapping(self, valid: int) -> dict[str, str]:
        """Suggest `columnMapping.messages`.

        Args:
            valid: How many rows can be read without it, and could not be read with it.

        Returns:
            The entries to write; none where they would make more rows invalid than valid.
        """
        if self.remedies.get(ProblemCode.BAD_MESSAGE, Counter())[MAP_MESSAGES] <= valid:
            return {}
        return {
            key: names.most_common(1)[0][0]
            for key in MessageMapping.model_fields
            if (names := self.message_mapping.get(key))
        }

    def _most_common_remedy(self, code: str, valid: int) -> str:
        remedy = self.remedies[code].most_common(1)[0][0]
        if remedy != MAP_MESSAGES:
            return remedy or DEFAULT_REMEDIES.get(code, "")
        names = self.suggested_message_mapping(valid)
        if not names:
            return DEFAULT_REMEDIES[code]
        return f"write columnMapping: {flow_yaml({'messages': names})}"


def _remedy(error: RowError) -> str:
    return MAP_MESSAGES if error.message_mapping else error.remedy
