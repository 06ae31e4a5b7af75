"""Completes a suggestion by trying it: what is suggested at once is all that the dataset needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dpojob_api.report import InspectionReport, Problem, ProblemCode
from dpojob_api.spec import DPOJobSpec
from dpojob_api.suggestion import Suggestion
from dpojob_trainer.shared.errors import InspectionError
from dpojob_trainer.shared.problem_text import row_share

MAX_STEPS = 5
"""Columns, keys of messages, maxLength, rows to drop, and one more."""
UNKNOWN_CONTEXT = 1 << 15
"""Tokens tried as maxLength where the model's context is unknown."""

InspectAgain = Callable[[DPOJobSpec], InspectionReport]


def complete_suggestion(
    spec: DPOJobSpec, report: InspectionReport, inspect_again: InspectAgain
) -> None:
    """Add to an invalid report's suggestion what else is needed, and say what it leaves.

    Args:
        spec: The job's spec.
        report: The report, which is changed.
        inspect_again: Inspects the same dataset by another spec.
    """
    suggestion: Suggestion | None = None
    trial_spec, trial = spec, report
    for _ in range(MAX_STEPS):
        if trial.valid:
            break
        step = trial.suggestion or _needed(trial_spec, trial, inspect_again)
        extended = None if step is None else _merged(suggestion, step)
        if extended is None or extended == suggestion:
            break
        try:
            trial_spec = with_suggestion(spec, extended)
            trial = inspect_again(trial_spec)
        except (InspectionError, ValueError) as problem:
            trial = InspectionReport(
                valid=False,
                problems=[Problem(code=ProblemCode.MISSING_COLUMN, message=str(problem))],
            )
        suggestion = extended
    if suggestion is not None:
        suggestion.remaining = [problem.message for problem in trial.errors]
        _explain(report, suggestion, trial)
    report.suggestion = suggestion


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


def _needed(
    spec: DPOJobSpec, report: InspectionReport, inspect_again: InspectAgain
) -> Suggestion | None:
    """What would make a dataset valid whose columns are known."""
    if any(not problem.rows for problem in report.errors):
        return None
    codes = {problem.code for problem in report.errors}
    context = report.model.context_length if report.model else 0
    if ProblemCode.COMPLETION_TOO_LONG in codes:
        return Suggestion(max_length=context)
    if ProblemCode.PROMPT_TOO_LONG in codes:
        longest = context or UNKNOWN_CONTEXT
        if longest > spec.training.max_length:
            tried = inspect_again(with_suggestion(spec, Suggestion(max_length=longest)))
            if tried.lengths is not None and tried.valid_rows > report.valid_rows:
                return Suggestion(max_length=_max_length(tried, longest))
    if spec.dataset.invalid_rows == "Fail" and report.valid_rows:
        invalid = sum(problem.rows for problem in report.errors if problem.split is None)
        if invalid <= spec.dataset.max_dropped_share * report.rows:
            return Suggestion(invalid_rows="Drop")
    return None


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
        first.message += (
            f" With training.maxLength: {suggestion.max_length} every prompt fits;"
            f" {lengths.max_length_for_95} keeps 95% of the pairs whole, {lengths.max_length_for_99}"
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
