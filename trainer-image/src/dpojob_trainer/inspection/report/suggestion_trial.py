"""Completes a suggestion by its trials: what is suggested at once is all that the dataset needs.

The pipeline inspects the dataset by each suggestion to be tried; from the report the next one follows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dpojob_api.report import InspectionReport, Problem, ProblemCode, Suggestion
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.shared.problem_text import row_share

MAX_STEPS = 5
"""Columns, keys of messages, maxLength, rows to drop, and one more."""
UNKNOWN_CONTEXT = 1 << 15
"""Tokens tried as maxLength where the model's context is unknown."""


@dataclass(frozen=True)
class Trial:
    """A suggestion by which the dataset is to be inspected."""

    suggestion: Suggestion
    measures_lengths: bool = False
    """Whether it is tried for the prompts' lengths only, from which the maxLength to suggest follows."""


@dataclass
class SuggestionTrials:
    """Trials of what is suggested for an invalid dataset, each with more than the one before."""

    spec: DPOJobSpec
    report: InspectionReport
    """The report by the suggestion so far."""
    suggestion: Suggestion | None = None
    _steps: int = 0
    _measured: InspectionReport | None = None
    """The report of the trial that measures lengths, where `report` has prompts that are too long."""

    def next(self) -> Trial | None:
        """Find what to try next.

        Returns:
            The trial; None where the last one was valid, or nothing else is known to help.
        """
        if self.report.valid or self._steps == MAX_STEPS:
            return None
        if self.report.suggestion is not None:
            return self._extended(self.report.suggestion)
        if any(not problem.rows for problem in self.report.errors):
            return None
        spec = self.spec if self.suggestion is None else with_suggestion(self.spec, self.suggestion)
        codes = {problem.code for problem in self.report.errors}
        context = self.report.model.context_length if self.report.model else 0
        if ProblemCode.COMPLETION_TOO_LONG in codes:
            return self._extended(Suggestion(max_length=context))
        longest = context or UNKNOWN_CONTEXT
        if ProblemCode.PROMPT_TOO_LONG in codes and longest > spec.training.max_length:
            if self._measured is None:
                return self._extended(Suggestion(max_length=longest), measures_lengths=True)
            if self._measured.lengths and self._measured.valid_rows > self.report.valid_rows:
                return self._extended(Suggestion(max_length=_max_length(self._measured, longest)))
        if spec.dataset.invalid_rows == "Fail" and self.report.valid_rows:
            invalid = sum(p.rows for p in self.report.errors if p.split is None)
            if invalid <= spec.dataset.max_dropped_share * self.report.rows:
                return self._extended(Suggestion(invalid_rows="Drop"))
        return None

    def add(self, trial: Trial, report: InspectionReport) -> None:
        """Take the report of a trial.

        Args:
            trial: The result of `next`.
            report: The report of the inspection by it.
        """
        if trial.measures_lengths:
            self._measured = report
            return
        self.report, self.suggestion, self._measured = report, trial.suggestion, None
        self._steps += 1

    def add_failure(self, trial: Trial, message: str) -> None:
        """Take that the dataset cannot be inspected by a trial.

        Args:
            trial: The result of `next`.
            message: Why.
        """
        problem = Problem(code=ProblemCode.MISSING_COLUMN, message=message)
        self.add(trial, InspectionReport(valid=False, problems=[problem]))

    def complete(self, report: InspectionReport) -> None:
        """Write the suggestion into the job's report, with what it keeps and what it leaves.

        Args:
            report: The report of the inspection by the spec alone, which is changed.
        """
        if self.suggestion is not None:
            self.suggestion.remaining = [problem.message for problem in self.report.errors]
            _explain(report, self.suggestion, self.report)
        report.suggestion = self.suggestion

    def _extended(self, more: Suggestion, *, measures_lengths: bool = False) -> Trial | None:
        """The trial of the suggestion so far with more; None where that adds nothing."""
        extended = _merged(self.suggestion, more)
        return None if extended == self.suggestion else Trial(extended, measures_lengths)


def with_suggestion(spec: DPOJobSpec, suggestion: Suggestion) -> DPOJobSpec:
    """Follow a suggestion literally.

    Args:
        spec: The job's spec.
        suggestion: What to add.

    Returns:
        The spec with it.

    Raises:
        ValueError: The spec would be invalid.
    """
    return DPOJobSpec.model_validate(_added(spec.wire(), suggestion.spec()))


def _added(document: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    added = dict(document)
    for key, value in more.items():
        before = added.get(key)
        both = isinstance(value, dict) and isinstance(before, dict) and key != "verdict"
        added[key] = _added(before, value) if both else value  # type: ignore[arg-type]
    return added


def _merged(known: Suggestion | None, more: Suggestion) -> Suggestion:
    if known is None:
        return more.model_copy(deep=True)
    return Suggestion.model_validate(
        _added(known.model_dump(exclude_none=True), more.model_dump(exclude_none=True))
    )


def _max_length(tried: InspectionReport, longest: int) -> int:
    """The power of two that keeps 99% of the pairs whole and every prompt, up to the context."""
    assert tried.lengths is not None
    needed = max(tried.lengths.max_length_for_99, tried.lengths.prompt.max + 1)
    return min(longest, 1 << (needed - 1).bit_length())


def _explain(report: InspectionReport, suggestion: Suggestion, trial: InspectionReport) -> None:
    """Add to the messages how many rows the suggestion keeps."""
    first = report.errors[0]
    if suggestion.max_length is not None and trial.lengths is not None:
        lengths, context = trial.lengths, trial.model.context_length if trial.model else 0
        # Lengths are those of the rows that are left.
        other = "" if trial.valid_rows == trial.rows else "other "
        first.message += (
            f" With training.maxLength: {suggestion.max_length} every {other}prompt fits;"
            f" {lengths.max_length_for_95} keeps 95% of the {other}pairs whole, {lengths.max_length_for_99}"
            f" keeps 99%, {lengths.longest.max} keeps all"
            + (f" (the model's context is {context})." if context else ".")
        )
    if suggestion.invalid_rows is not None:
        dropped = sum(count for code, count in trial.dropped.items() if code != "Tie")
        first.message += f" Write invalidRows: Drop in spec.dataset to leave out {row_share(dropped, trial.rows)}."
    lines = suggestion.lines()
    written = [line.removeprefix("spec.dataset.") for line in lines]
    if not all(line in first.message for line in written if "maxLength" not in line):
        first.message += f" All at once: {'; '.join(lines)}."
    if suggestion.remaining:
        first.message += (
            " That alone does not make the dataset valid; what is left: "
            + " ".join(suggestion.remaining)[:600]
        )
