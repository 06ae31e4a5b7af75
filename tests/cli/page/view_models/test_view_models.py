"""What the page shows of jobs, as data."""

from __future__ import annotations

from typing import Any

from tests.kit.cli.page_jobs import PLAN, attempt, condition, job, pool, progress, training

from dpojob.page.curves import Curve
from dpojob.page.job_store import JobStore, UnreadableJob
from dpojob.page.view_models import comparison, job_details, overview, printable
from dpojob_api.job import DPOJob
from dpojob_api.pool import GPUPool


def read(item: dict[str, Any]) -> DPOJob:
    return DPOJob.model_validate(item)


def show(*items: dict[str, Any], pools: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    by_name = {item["metadata"]["name"]: GPUPool.model_validate(item) for item in pools}
    return overview([read(item) for item in items], by_name)


def details(item: dict[str, Any], **options: Any) -> dict[str, Any]:
    return job_details(
        read(item), options.get("curve", {"step": []}), "", options.get("events", [])
    )


def test_a_training_job_has_its_figures_in_one_line() -> None:
    (row,) = show(training("helpful"))["jobs"]
    assert row["key"] == "team-a/helpful"
    assert (row["phase"], row["reason"]) == ("Training", "Training")
    assert (row["step"], row["maxSteps"], row["percent"]) == (42, 100, 42)
    assert (row["margin"], row["evalLoss"], row["etaSeconds"]) == (0.75, 0.6, 600)
    assert (row["cost"], row["currency"], row["pool"]) == ("2.50", "USD", "a10g")
    assert row["waitsFor"] is None


def test_a_new_job_has_a_line_of_unknowns() -> None:
    (row,) = show(job("new"))["jobs"]
    assert row["phase"] == "Pending"
    assert row["model"] == "org/model" and row["dataset"] == "org/pairs"
    assert row["pool"] is None and row["percent"] is None and row["cost"] is None


def test_a_finished_job_is_explained_by_its_end_and_has_no_time_left() -> None:
    failed = training(
        "f", phase="Failed",
        conditions=[condition("Ready", "Stopped"), condition("Failed", "OutOfMemory", "24 GiB")],
    )  # fmt: skip
    (row,) = show(failed)["jobs"]
    assert (row["reason"], row["message"], row["etaSeconds"]) == ("OutOfMemory", "24 GiB", None)


def test_costs_are_added_by_namespace_and_by_the_pools_of_the_attempts() -> None:
    moved = training("moved", cost={"soFar": "3.00", "currency": "USD"},
                     attempts=[attempt("a10g", 1440, "2.50"), attempt("a100", 1440, "5.00")])  # fmt: skip
    other = training("other", "team-b", cost={"soFar": "0.10", "currency": "EUR"},
                     attempts=[attempt("a10g", 144, "2.50")])  # fmt: skip
    costs = show(moved, training("helpful"), other)["costs"]
    assert costs["namespaces"] == [
        {"name": "team-a", "currency": "USD", "cost": "5.50"},
        {"name": "team-b", "currency": "EUR", "cost": "0.10"},
    ]
    assert costs["pools"] == [
        {"name": "a10g", "currency": "USD", "cost": "3.50"},
        {"name": "a100", "currency": "USD", "cost": "2.00"},
        {"name": "a10g", "currency": "EUR", "cost": "0.10"},
    ]


def test_who_waits_for_what() -> None:
    queued = job(
        "queued", phase="Queued", plan=PLAN,
        conditions=[condition("Ready", "Queued", "a10g has no free GPU", "False")],
    )  # fmt: skip
    after = job(
        "after", spec={"model": {"fromJob": {"name": "helpful"}}}, phase="Waiting",
        conditions=[condition("Ready", "WaitingForJob", "DPOJob helpful has not finished", "False")],
    )  # fmt: skip
    paused = job("paused", spec={"suspend": True}, phase="Suspended")
    no_node = training("no-node", phase="Training", conditions=[condition("Ready", "NoNodeFits", "", "False")])  # fmt: skip
    waiting = show(training("helpful"), queued, after, paused, no_node)["waiting"]
    found = {each["key"]: each for each in waiting}
    assert found["team-a/queued"]["kind"] == "pool" and found["team-a/queued"]["name"] == "a10g"
    assert "team-a/helpful" in found["team-a/queued"]["heldBy"]
    assert found["team-a/after"]["kind"] == "job"
    assert found["team-a/after"]["target"] == "team-a/helpful"
    assert found["team-a/after"]["message"] == "DPOJob helpful has not finished"
    assert found["team-a/paused"]["kind"] == "person"
    assert found["team-a/no-node"]["name"] == "a node"
    assert "team-a/helpful" not in found


def test_pools_have_their_free_gpus_and_jobs() -> None:
    found = show(training("helpful"), job("q", phase="Queued", plan=PLAN), pools=(pool("a10g"),))
    (shown,) = found["pools"]
    assert (shown["free"], shown["gpus"], shown["training"], shown["queued"]) == (0, 3, 1, 1)


def test_details_hold_validity_memory_budget_samples_and_events_newest_first() -> None:
    sample = {"prompt": "How?", "before": "no", "after": "yes"}
    budget = {"budget": {"maxCost": "20.00", "maxDuration": "6h"}}
    events = [
        {"reason": "Old", "type": "Normal", "message": "a", "lastTimestamp": "2026-01-01T00:00:00Z"},
        {"reason": "New", "type": "Warning", "message": "b", "lastTimestamp": "2026-01-01T00:05:00Z", "count": 3},
        {},
    ]  # fmt: skip
    shown = details(training("helpful", spec=budget, samples=[sample]), events=events)
    assert (shown["dataset"]["status"], shown["dataset"]["trainRows"]) == ("True", 950)
    assert shown["dataset"]["problems"][0]["code"] == "DuplicateRow"
    memory = shown["plan"]["memory"]
    assert memory["parts"]["weights"] == 9.0 and memory["available"] == 21.8
    assert shown["cost"] == {
        "soFar": "2.50", "estimate": "6.00", "currency": "USD", "maxCost": "20.00", "maxDuration": "6h"
    }  # fmt: skip
    assert shown["samples"] == [sample]
    assert [event["reason"] for event in shown["events"]] == ["New", "Old", ""]


def test_a_comparison_shows_only_settings_that_differ_and_marks_the_best() -> None:
    one = read(training("one", spec={"training": {"beta": 0.1}}))
    two = read(
        training("two", spec={"training": {"beta": 0.5}}, plan=PLAN | {"method": "full"},
                 progress=progress(100, evalLoss=0.4, loss=0.5))
    )  # fmt: skip
    found = comparison([(one, {"step": [1]}), (two, {"step": []})], ["team-a/none"])
    assert found["settings"] == [
        {"path": "plan.method", "values": ["lora", "full"]},
        {"path": "spec.training.beta", "values": [0.1, 0.5]},
    ]
    results = {each["name"]: each for each in found["results"]}
    assert results["evaluation loss"]["values"] == [0.6, 0.4]
    assert results["evaluation loss"]["best"] == 1
    assert results["training loss"]["best"] is None, "both are equal"
    assert results["win rate"]["values"] == [None, None]
    assert found["jobs"][0]["curve"] == {"step": [1]} and found["missing"] == ["team-a/none"]


def test_text_that_disguises_itself_is_shown_by_its_codes() -> None:
    value = {"a\u202e": ["x\x1b[31m\ud800", 3, None], "code": "if x:\n\treturn 'ä👩\u200d💻'"}
    assert printable(value) == {
        "a\\u202e": ["x\\u001b[31m\\ud800", 3, None], "code": "if x:\n\treturn 'ä👩\u200d💻'"
    }  # fmt: skip


def test_a_job_of_another_version_has_a_line_that_says_so() -> None:
    store = JobStore()
    store.put_job(job("odd", spec={"model": {"repo": 7}}))
    odd = store.job("team-a", "odd")
    assert isinstance(odd, UnreadableJob)
    (row,) = overview([odd], {})["jobs"]
    assert row["phase"] == "Unreadable" and "spec.model.repo" in row["message"]
    assert job_details(odd, {"step": []}, "", [])["row"] == row


def test_a_curve_grows_by_status_and_forgets_nothing_it_can_hold() -> None:
    store = JobStore()
    for step in (0, 10, 10, 20):
        store.put_job(
            training("helpful", progress=progress(step, loss=1.0 / (step + 1), evalLoss=None))
        )
    shown = store.job("team-a", "helpful")
    assert shown is not None
    curve, from_log = store.curve(shown)
    assert not from_log
    assert curve.columns() == {
        "step": [10, 20],
        "loss": [1 / 11, 1 / 21],
    }
    store.remove_job(training("helpful"))
    assert not store.curve(shown)[0]


def test_a_long_curve_keeps_its_ends() -> None:
    curve = Curve()
    for step in range(1, 5001):
        curve.add(step, {"loss": float(step), "nothing": 1.0, "margin": float("nan")})
    columns = curve.columns()
    assert columns["step"][0] == 1 and columns["step"][-1] == 5000
    assert 1000 <= len(columns["step"]) <= 2000
    assert set(columns) == {"step", "loss"}


def test_an_evaluation_counts_at_the_step_at_which_it_was_seen_first() -> None:
    store = JobStore()
    for step, loss in ((10, None), (20, 0.6), (30, 0.6), (40, 0.5)):
        store.put_job(training("helpful", progress=progress(step, loss=1.0, evalLoss=loss)))
    shown = store.job("team-a", "helpful")
    assert shown is not None
    assert store.curve(shown)[0].columns()["eval_loss"] == [None, 0.6, None, 0.5]
