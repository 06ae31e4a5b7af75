"""A suggestion is what a user adds to the manifest."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from dpojob_api.report import InspectionReport, Suggestion
from dpojob_api.spec import DPOJobSpec

JOB: dict[str, Any] = {
    "model": {"repo": "org/model"},
    "dataset": {"repo": "org/pairs"},
    "training": {},
}


@pytest.mark.parametrize(
    "suggestion",
    [
        Suggestion(column_mapping={"prompt": ["input", "no"], "chosen": "a: b", "rejected": "é"}),
        Suggestion(split="train_prefs", preset="orca", invalid_rows="Drop", max_length=2048),
    ],
)
def test_its_lines_are_the_fields_of_a_spec(suggestion: Suggestion) -> None:
    spec = {part: dict(fields) for part, fields in JOB.items()}
    for line in suggestion.lines():
        path, _, value = line.partition(": ")
        _, part, name = path.split(".")
        spec[part][name] = yaml.safe_load(value)
    assert spec == {part: fields | suggestion.spec().get(part, {}) for part, fields in JOB.items()}
    assert DPOJobSpec.model_validate(spec).dataset.split == suggestion.split or "train"


def test_a_report_tells_errors_from_warnings() -> None:
    report = InspectionReport.model_validate(
        {
            "valid": False,
            "problems": [
                {"code": "NullValue", "rows": 2},
                {"code": "DuplicateRow", "severity": "warning"},
            ],
        }
    )
    assert [str(problem.code) for problem in report.errors] == ["NullValue"]
    assert [str(problem.code) for problem in report.warnings] == ["DuplicateRow"]
