"""Accepted rows on which training goes wrong without an error, counted by the code of the warning."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from dpojob_api.report import ProblemCode
from dpojob_trainer.shared.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.turn_marks import ANSWER_FOLLOWS, TEMPLATE_MARK, TEMPLATE_PARTS

from .error_aggregation import MAX_EXAMPLES
from .row_hash import RowHashes

MAX_MARKS = 100
"""Different marks counted."""


@dataclass
class PairWarnings:
    """Rows of one split by the code of their warning, with the numbers of the first ones."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)
    """Rows by the first mark of a chat template in their prompt."""

    def add(self, batch: AcceptedBatch, hashes: RowHashes) -> None:
        """Count the rows of a batch.

        Args:
            batch: Accepted rows.
            hashes: Their hashes.
        """
        for code, number in batch.notes:
            self._add(code, number)
        numbers = batch.numbers.tolist()
        for at in hashes.same_answers.nonzero()[0].tolist():
            if batch.chosen[at].split() == batch.rejected[at].split():
                self._add(ProblemCode.WHITE_SPACE_PAIR, numbers[at])
        for number, prompt in zip(numbers, batch.prompts, strict=True):
            # Plain searches first: most prompts hold none, and a regular expression takes far longer.
            ending = prompt[-24:]
            if any(part in prompt for part in TEMPLATE_PARTS):
                found = TEMPLATE_MARK.search(prompt)
            elif b"Assistant" in ending or b"Answer" in ending or b"Response" in ending:
                found = ANSWER_FOLLOWS.search(prompt, max(0, len(prompt) - 32))
            else:
                continue
            if found is not None:
                self._add(ProblemCode.TEMPLATE_IN_TEXT, number)
                mark = found[0].decode().strip()
                if mark in self.marks or len(self.marks) < MAX_MARKS:
                    self.marks[mark] += 1

    def _add(self, code: str, number: int) -> None:
        self.counts[code] += 1
        examples = self.examples.setdefault(code, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(number)
