"""From counted faults to problems: one message each, with the user's own names and the way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from dpojob_api.report import Problem, ProblemCode
from dpojob_api.spec import MessageMapping
from dpojob_trainer.shared.row_error import TIE, Fault

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
REMAP = "map the messages"
"""Stands for what to write under `columnMapping.messages`, which takes all rows to tell."""


@dataclass
class Faults:
    """Faults of rows, counted: by code, by clause, with the first row numbers of each code."""

    counts: Counter[str] = field(default_factory=Counter)
    clauses: dict[str, Counter[str]] = field(default_factory=dict)
    ways: dict[str, Counter[str]] = field(default_factory=dict)
    """What rows say about the way out, by code; empty text where they leave it to WAY_OUT."""
    examples: dict[str, list[int]] = field(default_factory=dict)
    messages: dict[str, Counter[str]] = field(default_factory=dict)
    """For each key of `columnMapping.messages`, what would mend how many rows."""

    def add(self, fault: Fault, row: int) -> None:
        """Counts one row's fault."""
        self.counts[fault.code] += 1
        clauses = self.clauses.setdefault(fault.code, Counter())
        # Clauses may carry a value (an unknown role); no dataset may grow this without bound.
        if fault.detail in clauses or len(clauses) < 100:
            clauses[fault.detail] += 1
        self.ways.setdefault(fault.code, Counter())[_way(fault)] += 1
        for key, name in fault.messages:
            self.messages.setdefault(key, Counter())[name[:60]] += 1
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

    def problems(self, dropped: bool, accepted: int) -> list[Problem]:
        """One problem per code, most rows first; warnings when the rows are `dropped`.

        `accepted` rows had no fault.
        """
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
            way = "left out (invalidRows: Drop)" if dropped else self._way(code, accepted)
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

    def dialect(self, accepted: int) -> dict[str, str]:
        """What to write under `columnMapping.messages`; nothing where it would spoil more rows."""
        if self.ways.get(ProblemCode.BAD_MESSAGE, Counter())[REMAP] <= accepted:
            return {}
        return {
            key: names.most_common(1)[0][0]
            for key in MessageMapping.model_fields
            if (names := self.messages.get(key))
        }

    def _way(self, code: str, accepted: int) -> str:
        """What most rows say."""
        way = self.ways[code].most_common(1)[0][0]
        if way != REMAP:
            return way or WAY_OUT.get(code, "")
        names = self.dialect(accepted)
        inner = ", ".join(f"{key}: {as_yaml(name)}" for key, name in names.items())
        return f"write columnMapping: {{messages: {{{inner}}}}}" if inner else WAY_OUT[code]


def _way(fault: Fault) -> str:
    return REMAP if fault.messages else fault.way


def as_yaml(name: str) -> str:
    """A name as YAML reads it back."""
    plain = name.replace("_", "").replace("-", "")
    if plain.isalnum() and plain.isascii() and yaml.safe_load(name) == name:
        return name
    return repr(name)
