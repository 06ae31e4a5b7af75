"""From counted faults to problems: one message each, with the user's own names and the way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from dpojob_api.report import Problem, ProblemCode

from .fault import TIE, Fault

EXAMPLES = 10
"""Row numbers kept per problem."""
CLAUSES = 3
"""Different details named in a message."""

WAY_OUT: Mapping[str, str] = {
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
    ProblemCode.PROMPT_TOO_LONG: "raise training.maxLength, or shorten or remove these rows",
}
"""What to do, by code; used when no row says it better."""


@dataclass
class Faults:
    """Faults of rows, counted: by code, by clause, with the first row numbers of each code."""

    counts: Counter[str] = field(default_factory=Counter)
    clauses: dict[str, Counter[str]] = field(default_factory=dict)
    examples: dict[str, list[int]] = field(default_factory=dict)

    def add(self, fault: Fault, row: int) -> None:
        """Counts one row's fault."""
        self.counts[fault.code] += 1
        clauses = self.clauses.setdefault(fault.code, Counter())
        # Clauses may carry a value (an unknown role); no dataset may grow this without bound.
        if fault.detail in clauses or len(clauses) < 100:
            clauses[fault.detail] += 1
        examples = self.examples.setdefault(fault.code, [])
        if len(examples) < EXAMPLES:
            examples.append(row)

    @property
    def invalid(self) -> int:
        """Rows that are errors; ties are none."""
        return sum(count for code, count in self.counts.items() if code != TIE)

    @property
    def dropped(self) -> int:
        """Rows left out, ties included."""
        return sum(self.counts.values())

    def problems(self, dropped: bool) -> list[Problem]:
        """One problem per code, most rows first; warnings when the rows are `dropped`."""
        found = []
        for code, rows in self.counts.most_common():
            if code == TIE:
                continue
            clauses = self.clauses[code].most_common(CLAUSES)
            text = "; ".join(
                f"{clause} in {count} row{'s' if count != 1 else ''}"
                if len(clauses) > 1
                else clause
                for clause, count in clauses
            )
            more = len(self.clauses[code]) - len(clauses)
            noun = "row" if rows == 1 else "rows"
            way = WAY_OUT.get(code, "")
            if dropped:
                way = "left out (invalidRows: Drop)"
            found.append(
                Problem(
                    code=ProblemCode(code),
                    rows=rows,
                    severity="warning" if dropped else "error",
                    examples=self.examples[code],
                    message=f"{rows} {noun}: {text}{' and more' if more > 0 else ''}"
                    + (f"; {way}." if way else "."),
                )
            )
        return found
