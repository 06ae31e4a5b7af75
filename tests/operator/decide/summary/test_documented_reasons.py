"""The tables in docs/operate.md name every reason with which a job waits or fails, and where each shows."""

from __future__ import annotations

import re

from tests.kit.operator_fixture import ROOT

from dpojob_api.conditions import Reason
from dpojob_operator.decide.summary import ADVICE

SECTION = (
    (ROOT / "docs/operate.md")
    .read_text()
    .partition("## Where a wait or a failure shows")[2]
    .partition("\n## ")[0]
)
WAITS = re.findall(
    r'^\| [^|]+ \| [\w, ]+ \| `(\w+)` \| InProgress \| `dpojob_unfinished_jobs\{reason="(\w+)"\}` \|$',
    SECTION,
    re.MULTILINE,
)
FAILURES = re.findall(
    r"^\| `(\w+)` \| Failed \| Failed \| "
    r'`dpojob_finished_total\{condition="Failed",reason="(\w+)"\}` \|$',
    SECTION,
    re.MULTILINE,
)
OF_OTHER_CONDITIONS = {
    # Of DatasetValid, Planned, TrainingHealthy, Improved, Suspended and QueueLabelsApplied while the job goes on.
    "Valid", "ValidWithWarnings", "RowsDropped", "Fits", "Healthy", "NaNLoss",
    "AccuracySaturatedEarly", "ChosenCollapse", "MarginFlat", "Overfitting", "RewardHacking", "BetterThanBase",
    "NotBetter", "LongerOnly", "TaskRegressed", "RequirementNotMet", "Inconclusive", "NotEvaluated", "NotSuspended",
    "Resumed", "Stopped", "QueueEditNotApplied", "QueueEditApplied",
    # Of complete jobs, of Events, of pools and quotas, and of a job that the operator cannot go on with.
    "Completed", "Validated", "BatchHalved", "NodesFound", "ScaledToZero", "CostCounted", "WithinCostQuota",
    "InvalidSpec", "ReconcileError",
}  # fmt: skip


def test_each_reason_has_its_row_or_is_of_another_condition() -> None:
    waits, failures = {reason for reason, _ in WAITS}, {reason for reason, _ in FAILURES}
    documented = waits | failures | OF_OTHER_CONDITIONS
    assert documented == {str(reason) for reason in Reason}
    assert not waits & failures and not (waits | failures) & OF_OTHER_CONDITIONS


def test_each_row_names_the_metric_of_its_reason() -> None:
    assert WAITS and FAILURES
    assert all(reason == labelled for reason, labelled in (*WAITS, *FAILURES))
    rows = sum(line.startswith("| ") for line in SECTION.splitlines())
    assert rows == len(WAITS) + len(FAILURES) + 2, "two heads, and no row of another form"


def test_every_wait_with_advice_is_in_the_table() -> None:
    assert {str(reason) for reason in ADVICE} <= {reason for reason, _ in WAITS}
