"""The report that is read from the pods of an inspection, and its reason and message in DatasetValid."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    finished_pod,
)
from tests.kit.operator_fixture import REPORT

from dpojob_api.report import InspectionReport
from dpojob_operator.decide.inspection_result import (
    dataset_valid_message,
    dataset_valid_reason,
    read_report,
)
from dpojob_operator.decide.object_snapshots import PodSnapshot


@pytest.mark.parametrize(
    ("pods", "rows"),
    [
        ([], None),
        ([finished_pod("inspect", 3, REPORT)], None),
        ([finished_pod("inspect", 1, {**REPORT, "rows": 1})], 1),
        ([finished_pod("inspect", 0, "", termination_message="")], None),
        ([finished_pod("inspect", 0, {**REPORT, "rows": 2**53 + 1})], None),
        ([finished_pod("inspect", 0, {**REPORT, "evalCut": -0.5})], None),
        ([finished_pod("inspect", 0, "", termination_message="{"),
          finished_pod("inspect", 0, {**REPORT, "rows": 2}, name="later")], 2),
        ([finished_pod("inspect", 0, {**REPORT, "rows": 2}),
          finished_pod("inspect", 0, {**REPORT, "rows": 3}, finished=NOW - timedelta(hours=1))], 3),
    ],
)  # fmt: skip
def test_the_first_report_counts(pods: list[PodSnapshot], rows: int | None) -> None:
    report = read_report(pods)
    assert (None if report is None else report.rows) == rows


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"valid": True}, "Valid"),
        ({"valid": True, "droppedRows": 2}, "RowsDropped"),
        ({"valid": True, "problems": [{"code": "DuplicateRow", "severity": "warning"}]}, "ValidWithWarnings"),
        ({"valid": False, "reason": "ColumnsUnclear"}, "DatasetInvalid"),
        ({"valid": False, "reason": "ModelNotFound"}, "ModelNotFound"),
        ({"valid": True, "error": "e", "reason": "ModelNotFound"}, "ModelNotFound"),
        ({"valid": False, "reason": ""}, "DatasetInvalid"),
    ],
)  # fmt: skip
def test_the_reason_of_a_report(report: dict[str, Any], expected: str) -> None:
    assert dataset_valid_reason(InspectionReport.model_validate(report)) == expected


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ({"valid": True, "rows": 1000, "validRows": 990, "trainRows": 980, "evalRows": 10},
         "990 of 1,000 rows are valid: 980 to train on and 10 held out."),
        ({"valid": True, "rows": 12, "validRows": 9, "trainRows": 9, "droppedRows": 3,
          "dropped": {"NullValue": 2, "EmptyText": 1}},
         "9 of 12 rows are valid; 3 left out (2 NullValue, 1 EmptyText): 9 to train on and 0 held out."),
        ({"valid": True, "problems": [{"code": "DuplicateRow", "severity": "warning"}]},
         "0 of 0 rows are valid: 0 to train on and 0 held out. "
         "Warnings in status.dataset.problems: DuplicateRow."),
        ({"valid": False, "columns": ["a", "b"]}, "The dataset is not valid. Columns found: a, b."),
        ({"valid": False, "problems": [{"code": "NullValue", "rows": 1200}]}, "NullValue: 1,200 rows."),
        ({"valid": False, "columns": ["a", "b"],
          "problems": [{"code": "NullValue", "message": "Among a, b none is chosen."}]},
         "Among a, b none is chosen."),
        ({"valid": False, "error": "It is gone.", "columns": ["a"]}, "It is gone."),
    ],
)  # fmt: skip
def test_the_message_of_a_report(report: dict[str, Any], message: str) -> None:
    assert dataset_valid_message(InspectionReport.model_validate(report)) == message
