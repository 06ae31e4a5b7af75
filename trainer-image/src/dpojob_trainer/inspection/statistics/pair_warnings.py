"""Accepted rows on which training goes wrong without an error, counted by the code of the warning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from dpojob_api.report import ProblemCode
from dpojob_trainer.shared.rows.accepted_batch import AcceptedBatch
from dpojob_trainer.shared.rows.turn_marks import (
    ANSWER_FOLLOWS,
    LONGEST_END,
    OPENING_MARK,
    TEMPLATE_MARK,
    TEMPLATE_PARTS,
)

from .error_aggregation import MAX_EXAMPLES
from .row_hash import RowHashes

MAX_MARKS = 100
"""Different marks counted."""
SHORTEST_PROMPT = 12
"""Bytes of a prompt from which an answer that begins with it repeats it, rather than begins alike by accident."""
MARKED_ANSWER = "TemplateInAnswer"
"""Counts rows with `TemplateInText` in an answer, apart from those with it in the prompt."""


@dataclass
class PairWarnings:
    """Rows of one split by the code of their warning, with the numbers of the first ones."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)
    marks: Counter[str] = field(default_factory=Counter)
    """Rows by the first mark of a chat template in their prompt."""
    answer_marks: Counter[str] = field(default_factory=Counter)
    """Rows by the first mark of a chat template in one of their answers."""

    def add(self, batch: AcceptedBatch, hashes: RowHashes) -> None:
        """Count the rows of a batch.

        Args:
            batch: Accepted rows.
            hashes: Their hashes.
        """
        openings = set()
        for code, number in batch.notes:
            if code == ProblemCode.TEMPLATE_IN_TEXT:
                openings.add(number)
            else:
                self._add(code, number)
        numbers = batch.numbers.tolist()
        for at in hashes.same_answers.nonzero()[0].tolist():
            if batch.chosen[at].split() == batch.rejected[at].split():
                self._add(ProblemCode.WHITE_SPACE_PAIR, numbers[at])
        for number, prompt in zip(numbers, batch.prompts, strict=True):
            # Plain searches first: most prompts hold none, and a regular expression takes far longer.
            ending = prompt[-24:]
            if number in openings:
                found = OPENING_MARK.search(prompt)
            elif any(part in prompt for part in TEMPLATE_PARTS):
                found = TEMPLATE_MARK.search(prompt)
            elif b"Assistant" in ending or b"Answer" in ending or b"Response" in ending:
                found = ANSWER_FOLLOWS.search(prompt, max(0, len(prompt) - LONGEST_END))
            else:
                continue
            if found is not None:
                self._add(ProblemCode.TEMPLATE_IN_TEXT, number)
                _count_mark(self.marks, found[0])
        answers = zip(batch.prompts, batch.chosen, batch.rejected, strict=True)
        for number, (prompt, chosen, rejected) in zip(numbers, answers, strict=True):
            if len(prompt) >= SHORTEST_PROMPT and (
                chosen.startswith(prompt) or rejected.startswith(prompt)
            ):
                self._add(ProblemCode.PROMPT_IN_ANSWER, number)
        self._add_marked_answers(numbers, batch.chosen, batch.rejected)

    def _add_marked_answers(
        self, numbers: Sequence[int], chosen: Sequence[bytes], rejected: Sequence[bytes]
    ) -> None:
        # Hardly any batch has such an answer: one search over all texts says so.
        for_each = [b"".join(texts) for texts in (chosen, rejected)]
        if not any(part in texts for part in TEMPLATE_PARTS for texts in for_each):
            return
        for number, answers in zip(numbers, zip(chosen, rejected, strict=True), strict=True):
            found = next(filter(None, map(TEMPLATE_MARK.search, answers)), None)
            if found is not None:
                self._add(MARKED_ANSWER, number)
                _count_mark(self.answer_marks, found[0])

    def _add(self, code: str, number: int) -> None:
        self.counts[code] += 1
        examples = self.examples.setdefault(code, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(number)


def _count_mark(marks: Counter[str], found: bytes) -> None:
    mark = found.decode().strip()
    if mark in marks or len(marks) < MAX_MARKS:
        marks[mark] += 1
