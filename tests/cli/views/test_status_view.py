"""What `dpojob status` shows of a job's inspection, and of what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from dpojob.views.status_view import format_queue, headline, status_view
from dpojob_api.job import DPOJob, QueueStatus
from dpojob_api.status_condition import Condition

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def shown(
    *, conditions: Sequence[object] = (), evaluation: object = None, **dataset: object
) -> str:
    job = DPOJob.model_validate(
        {
            "metadata": {"name": "helpful", "namespace": "default"},
            "spec": {
                "model": {"repo": "org/model"},
                "dataset": {"repo": "org/pairs"},
                "output": {"volume": {"claimName": "models", "path": "mine"}},
            },
            "status": {
                "dataset": {"valid": True, "rows": 1200, "trainRows": 1100, **dataset},
                "conditions": list(conditions),
                "evaluation": evaluation,
            },
        }
    )
    console = Console(width=100)
    with console.capture() as capture:
        console.print(status_view(job.wire()))
    return capture.get()


def test_benchmark_tasks_are_shown_with_both_models_and_why_one_has_no_result() -> None:
    text = shown(
        evaluation={
            "verdict": "NotEvaluated",
            "tasks": [
                {
                    "name": "ifeval", "metric": "acc", "before": {"value": 0.51}, "after": {"value": 0.42},
                    "difference": {"value": -0.09, "low": -0.15, "high": -0.03, "n": 541},
                },
                {"name": "mine", "error": "mine.yaml: No such file"},
            ],
        }
    )  # fmt: skip
    (line,) = [line for line in text.splitlines() if "ifeval, acc" in line]
    assert "0.51" in line and "0.42" in line
    assert "mine: mine.yaml: No such file" in text


def test_a_plan_is_shown_as_its_status_has_it_without_defaults() -> None:
    plan = {"pool": "a10g", "method": "lora", "precision": "bf16"}
    job = {"metadata": {"name": "helpful"}, "spec": {}, "status": {"plan": plan}}
    console = Console(width=100)
    with console.capture() as capture:
        console.print(status_view(job))
    assert "a10g, 1 GPU, lora, bf16" in capture.get()


def test_suspects_are_counted_and_the_page_is_named() -> None:
    suspects = [{"kind": "SwappedPair", "rows": 1234}, {"kind": "Secret", "rows": 1}]
    text = shown(suspects=suspects, page="mine/inspection.html")
    assert "1,234 SwappedPair, 1 Secret" in text
    assert "models:mine/inspection.html" in text


def test_nothing_is_shown_where_there_are_none() -> None:
    text = shown()
    assert "valid, 1,200 rows" in text
    assert "suspects" not in text and "inspection.html" not in text


@pytest.mark.parametrize(
    ("queue", "text"),
    [
        (None, ""),
        (QueueStatus(pool="t4", wait_seconds=90), ""),
        (QueueStatus(pool="t4", since=NOON, position=2), "t4, place 2, waited 12m"),
        (QueueStatus(pool="t4", since=NOON, wait_seconds=60), "t4, waited 13m"),
        (QueueStatus(pool="t4", since=NOON + timedelta(hours=1)), "t4, waited 0s"),
    ],
)
def test_a_job_that_waits_shows_its_place_and_its_wait(
    queue: QueueStatus | None, text: str
) -> None:
    found = None if queue is None else queue.wire()
    assert format_queue(found, NOON + timedelta(minutes=12)) == text


def test_the_reason_of_waiting_is_that_of_ready() -> None:
    job = DPOJob.model_validate(
        {"spec": {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}}}
    )
    message = "Queued. The Job has no pod: exceeded quota. It is tried again."
    job.status.queue = QueueStatus(pool="t4", since=NOON, position=3)
    job.status.conditions = [
        Condition(type="Ready", status="False", reason="QuotaExceeded", message=message)
    ]
    console = Console(width=100)
    with console.capture() as capture:
        console.print(status_view(job.wire()))
    assert f"QuotaExceeded: {message}" in capture.get() and "t4, place 3" in capture.get()


def test_a_job_of_a_later_version_is_shown_as_far_as_it_is_known() -> None:
    """Only what every job has is needed: the name, and the type, status and reason of a condition."""
    ready = {"type": "Ready", "status": "False", "reason": "Tuning", "later": {"field": 1}}
    job = {
        "metadata": {"name": "helpful"},
        "spec": {"model": {"later": "place"}},
        "status": {"phase": "Tuning", "conditions": [ready], "progress": {"step": 3}},
    }
    console = Console(width=100)
    with console.capture() as capture:
        console.print(status_view(job))
    assert capture.get().splitlines()[0] == "helpful  Tuning"
    assert "Tuning:" in capture.get().splitlines()[-1]
    assert headline({"metadata": {"name": "new"}}) == "new: Pending"


def test_an_edit_of_the_queue_that_is_not_applied_is_shown() -> None:
    edit = Condition(
        type="QueueLabelsApplied",
        status="False",
        reason="QueueEditNotApplied",
        message="It keeps a.",
    )
    assert "QueueEditNotApplied: It keeps a." in shown(conditions=[edit.wire()])


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("Inspecting", "sft: Inspecting"), ("HeldByQueue", "sft: Inspecting, HeldByQueue")],
)
def test_the_headline_names_the_reason_only_where_the_phase_does_not(
    reason: str, expected: str
) -> None:
    ready = Condition(type="Ready", status="False", reason=reason, message="")
    job = DPOJob.model_validate(
        {
            "metadata": {"name": "sft"},
            "spec": {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}},
            "status": {"phase": "Inspecting", "conditions": [ready.wire()]},
        }
    )
    assert headline(job.wire()) == expected
