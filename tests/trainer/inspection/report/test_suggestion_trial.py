"""What is tried next follows from the report of the last trial; the dataset itself is not read for it."""

from __future__ import annotations

from tests.kit.inspection.volume_fixture import spec_of

from dpojob_api.report import (
    InspectionReport,
    Lengths,
    ModelFacts,
    Problem,
    ProblemCode,
    Suggestion,
)
from dpojob_trainer.inspection.report import SuggestionTrials

SPEC = spec_of(training={"maxLength": 512})
MODEL = ModelFacts(parameters=1, context_length=4096)
TOO_LONG = InspectionReport(
    valid=False,
    rows=100,
    valid_rows=95,
    model=MODEL,
    problems=[Problem(code=ProblemCode.PROMPT_TOO_LONG, message="too long", rows=5)],
)
VALID = InspectionReport(valid=True, rows=100, valid_rows=100, model=MODEL)


def test_the_lengths_are_measured_before_a_max_length_is_suggested() -> None:
    trials = SuggestionTrials(SPEC, TOO_LONG)
    measuring = trials.next()
    assert measuring is not None and measuring.measures_lengths
    assert measuring.suggestion == Suggestion(max_length=4096)
    lengths = Lengths(max_length_for_99=900)
    trials.add(measuring, VALID.model_copy(update={"lengths": lengths}))
    trial = trials.next()
    assert trial is not None and not trial.measures_lengths
    assert trial.suggestion == Suggestion(max_length=1024)
    trials.add(trial, VALID)
    assert trials.next() is None
    report = TOO_LONG.model_copy(deep=True)
    trials.complete(report)
    assert report.suggestion == Suggestion(max_length=1024, remaining=[])


def test_rows_are_dropped_where_a_greater_length_cannot_be_inspected() -> None:
    trials = SuggestionTrials(SPEC, TOO_LONG)
    measuring = trials.next()
    assert measuring is not None
    trials.add_failure(measuring, "the file is gone")
    trial = trials.next()
    assert trial is not None
    assert trial.suggestion == Suggestion(invalid_rows="Drop")


def test_what_a_trial_suggests_is_added_to_what_was_tried() -> None:
    first, second = Suggestion(column_mapping={"prompt": "q"}), Suggestion(preset="orca")
    invalid = InspectionReport(valid=False, suggestion=first)
    trials = SuggestionTrials(SPEC, invalid)
    trial = trials.next()
    assert trial is not None and trial.suggestion == first
    trials.add(trial, InspectionReport(valid=False, suggestion=second))
    trial = trials.next()
    assert trial is not None
    assert trial.suggestion == Suggestion(column_mapping={"prompt": "q"}, preset="orca")
    trials.add_failure(trial, "preset: orca needs another column")
    assert trials.next() is None
    report = invalid.model_copy(deep=True, update={"problems": TOO_LONG.problems})
    trials.complete(report)
    assert report.suggestion is not None
    assert report.suggestion.remaining == ["preset: orca needs another column"]


def test_what_is_kept_is_said_of_the_other_rows_where_some_are_left_out() -> None:
    trials = SuggestionTrials(SPEC, TOO_LONG)
    measuring = trials.next()
    assert measuring is not None
    lengths = Lengths(max_length_for_95=800, max_length_for_99=900)
    left_out = VALID.model_copy(update={"lengths": lengths, "valid_rows": 98})
    trials.add(measuring, left_out)
    trial = trials.next()
    assert trial is not None
    for valid_rows, other in ((98, "other "), (100, "")):
        trials.add(trial, left_out.model_copy(update={"valid_rows": valid_rows}))
        report = TOO_LONG.model_copy(deep=True)
        trials.complete(report)
        message = report.errors[0].message
        assert f"every {other}prompt fits; 800 keeps 95% of the {other}pairs whole" in message
