"""Ready, Stalled, the printer columns and the times of a status."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.kit.builders import (
    NOW,
    POOLS,
    RUNNING,
    build_snapshot,
    finished_pod,
    training,
    training_status,
)
from tests.kit.operator_fixture import succeeded

from dpojob_api.conditions import ConditionType
from dpojob_api.evaluation import Evaluation
from dpojob_api.job import Cost, DPOJobStatus
from dpojob_api.progress import Progress
from dpojob_api.status_condition import Condition
from dpojob_operator.decide.status_builder import StatusBuilder
from dpojob_operator.decide.steps import decide_with_pools
from dpojob_operator.decide.summary import ADVICE, summarise


def condition(type_: str, status: str, reason: str = "R", message: str = "m.") -> Condition:
    return Condition(
        type=type_, status=status, reason=reason, message=message, observed_generation=1,
        last_transition_time=NOW,
    )  # fmt: skip


def summary(
    *conditions: Condition, spec: dict[str, Any] | None = None, **status: Any
) -> DPOJobStatus:
    written = DPOJobStatus(conditions=list(conditions), **status)
    builder = StatusBuilder(build_snapshot(written, spec_fields=spec), POOLS, NOW)
    summarise(builder)
    return builder.status


def shown(status: DPOJobStatus, type_: str) -> tuple[str, str, str]:
    found = status.condition(type_)
    assert found is not None
    return found.status, found.reason, found.message


VALID, PLANNED = condition("DatasetValid", "True"), condition("Planned", "True", "Fits", "Plan.")


@pytest.mark.parametrize(
    ("conditions", "ready", "stalled"),
    [
        ((), ("False", "InProgress", "Training."), ("False", "InProgress", "")),
        ((condition("Complete", "True"),), ("True", "R", "m."), ("False", "InProgress", "")),
        ((condition("Failed", "True"),), ("False", "R", "m."), ("True", "R", "m.")),
        ((condition("DatasetValid", "Unknown"),), ("False", "R", "Training. m."),
         ("False", "InProgress", "")),
        ((VALID,), ("False", "InProgress", "Training."), ("False", "InProgress", "")),
        ((VALID, condition("Planned", "False", "NoPools", "")), ("False", "NoPools", "Training."),
         ("False", "InProgress", "")),
        ((VALID, PLANNED), ("False", "Fits", "Training. Plan."), ("False", "InProgress", "")),
        ((VALID, PLANNED, condition("Training", "False", "Queued")),
         ("False", "Queued", f"Training. m. {ADVICE['Queued']}"), ("False", "InProgress", "")),
        ((VALID, PLANNED, condition("Suspended", "True", "SuspendedByUser")),
         ("False", "SuspendedByUser", "Training. m."), ("False", "InProgress", "")),
        ((VALID, PLANNED, condition("Suspended", "False", "Resumed")),
         ("False", "Fits", "Training. Plan."), ("False", "InProgress", "")),
    ],
)  # fmt: skip
def test_ready_and_stalled_follow_from_the_other_conditions(
    conditions: tuple[Condition, ...], ready: tuple[str, str, str], stalled: tuple[str, str, str]
) -> None:
    status = summary(*conditions, phase="Training")
    assert (shown(status, "Ready"), shown(status, "Stalled")) == (ready, stalled)


def test_the_start_is_the_first_pass() -> None:
    earlier = NOW - timedelta(hours=1)
    assert summary().start_time == NOW
    assert summary(start_time=earlier).start_time == earlier
    assert summary().observed_generation == 1


@pytest.mark.parametrize(
    ("model", "column"),
    [
        ({"repo": "org/it"}, "org/it"),
        ({"volume": {"claimName": "c", "path": "a/b"}}, "c/a/b"),
        ({"volume": {"claimName": "c"}}, "c"),
        ({"fromJob": {"kind": "TrainJob", "name": "sft"}}, "TrainJob/sft"),
    ],
)
def test_the_model_column(model: dict[str, Any], column: str) -> None:
    display = summary(spec={"model": model}).display
    assert display is not None and display.model == column


def test_the_figures_of_training_are_columns() -> None:
    trains = condition("Training", "True", "Training")
    progress = Progress(step=1, max_steps=4, margin=0.0, eval_margin=2.0, eta_seconds=90)
    display = summary(trains, progress=progress).display
    assert display is not None
    assert (display.progress, display.margin, display.eta) == ("25%", "0.000", "1m30s")
    starting = summary(condition("Training", "True", "Starting"), progress=progress).display
    assert starting is not None and starting.eta is None
    done = summary(condition("Complete", "True"), progress=progress).display
    assert done is not None and (done.progress, done.eta) == ("100%", None)
    no_margin = summary(trains, progress=Progress(step=1, max_steps=4)).display
    assert no_margin is not None and (no_margin.margin, no_margin.eta) == (None, None)
    nothing = summary().display
    assert nothing is not None and (nothing.progress, nothing.margin) == (None, None)


@pytest.mark.parametrize(
    ("rate", "column"), [({"value": 0.618}, "62%"), ({"value": None}, None), (None, None)]
)
def test_the_win_rate_column(rate: Any, column: str | None) -> None:
    evaluation = Evaluation.model_validate({"winRate": rate} if rate is not None else {})
    display = summary(evaluation=evaluation).display
    assert display is not None and display.win_rate == column


@pytest.mark.parametrize(
    ("so_far", "attempts", "column"),
    [("0.00", False, None), ("1.50", False, "1.50"), ("0.00", True, "0.00")],
)
def test_the_cost_column_appears_with_the_first_attempt(
    so_far: str, attempts: bool, column: str | None
) -> None:
    cost = Cost(so_far=Decimal(so_far), estimate=Decimal(9), currency="USD")
    known = training_status().attempts if attempts else []
    display = summary(cost=cost, attempts=known).display
    assert display is not None and display.cost == column


def test_conditions_are_in_one_order() -> None:
    status = training_status()
    runs = build_snapshot(status, training=training(status), training_pods=(RUNNING,))
    for snapshot in (
        runs,
        build_snapshot(
            status,
            training=training(status, complete=True),
            training_pods=(finished_pod("train", 0, succeeded()),),
        ),
    ):
        order = [str(type_) for type_ in ConditionType]
        found = [c.type for c in decide_with_pools(snapshot, POOLS, NOW).status.conditions]
        assert found == [type_ for type_ in order if type_ in found] and len(found) > 5


def test_a_message_is_cut_where_it_would_not_fit_the_object() -> None:
    snapshot = build_snapshot(conflicting_object="n" * 9000)
    failed = decide_with_pools(snapshot, POOLS, NOW).status.condition("Failed")
    assert failed is not None and failed.message == "n" * 8000
