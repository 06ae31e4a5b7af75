"""Each invariant reports the violation it is for, and nothing else: a check that cannot fail proves nothing."""

from __future__ import annotations

import json

import pytest

from dpojob_api.base import JSONObject

from .injection.fault_types import Fault, Kind, kind_of
from .injection.request_log import Log
from .invariants import invariants
from .invariants.history import History
from .invariants.normalize import end_state

UID = "00000000-0000-0000-0000-00000000000a"


def job(uid: str, attempt: int = 1, *, done: bool = False) -> JSONObject:
    condition = {"type": "Complete", "status": "True"}
    labels = {
        "dpojob.dev/uid": UID,
        "dpojob.dev/attempt": str(attempt),
        "dpojob.dev/stage": "train",
    }
    return {
        "metadata": {"name": f"job-train-{attempt}", "uid": uid, "labels": labels},
        "status": {"conditions": [condition] if done else []},
    }


def dpojob(
    *true: str, reason: str = "Completed", observed: int = 1, generation: int = 3
) -> JSONObject:
    conditions = [{"type": type_, "status": "True", "reason": reason} for type_ in true]
    return {
        "metadata": {"name": "job", "uid": UID, "generation": generation, "labels": {}},
        "spec": {},
        "status": {"observedGeneration": observed, "conditions": conditions},
    }


def history(collection: str, *items: JSONObject, deleted: tuple[str, ...] = ()) -> History:
    made = History()
    for item in items:
        made.observe(collection, "MODIFIED", item)
    for item in items:
        if item["metadata"]["uid"] in deleted:
            made.observe(collection, "DELETED", item)
    return made


def rules(found: list[invariants.Violation]) -> set[str]:
    return {violation.rule for violation in found}


def violated_rules(made: History, log: Log | None = None) -> set[str]:
    return rules([v for rule in invariants.RUN_INVARIANTS for v in rule(made, log or Log())])


def test_a_good_run_breaks_nothing() -> None:
    one = history("jobs", job("a"), job("a", done=True), job("b", 2))
    assert not violated_rules(one)
    assert not violated_rules(history("dpojobs", dpojob(), dpojob("Complete", "Finished")))


def test_two_training_jobs_of_one_attempt() -> None:
    made = history("jobs", job("a", done=True), job("b"))
    assert violated_rules(made) == {"at most one training Job per UID and attempt"}


def test_two_attempts_at_once() -> None:
    made = history("jobs", job("a", 1), job("b", 2))
    assert violated_rules(made) == {"one training Job at a time"}


def _given(uid: str, attempt: int, **spec: object) -> JSONObject:
    manifest = {"spec": {"model": {"repo": "a/b"}, **spec}}
    annotations = {"dpojob.dev/manifest.json": json.dumps(manifest)}
    return {
        **job(uid, attempt, done=True),
        "spec": {"template": {"metadata": {"annotations": annotations}}},
    }


def test_a_spec_that_changed_between_inspection_and_training() -> None:
    inspected = _given("i", 0, budget={"maxCost": "1"})
    same = _given("a", 1, budget={"maxCost": "9"}, output={"volume": {"claimName": "made"}})
    assert not violated_rules(history("jobs", inspected, same))
    other = _given("a", 1, model={"repo": "c/d"})
    assert violated_rules(history("jobs", inspected, other)) == {
        "what is trained is what was inspected"
    }


def _writer(uid: str, owner: str, phase: str, path: str = "tuned") -> JSONObject:
    place = {"claimName": "models", "path": path}
    manifest = {"spec": {"output": {"volume": place}}}
    annotations = {"dpojob.dev/manifest.json": json.dumps(manifest)}
    labels = {"dpojob.dev/uid": owner, "dpojob.dev/attempt": "1", "dpojob.dev/stage": "train"}
    return {
        "metadata": {"name": uid, "uid": uid, "labels": labels, "annotations": annotations},
        "status": {"phase": phase},
    }


@pytest.mark.parametrize(
    ("before", "after", "rules"),
    [
        (_writer("a", "one", "Running"), _writer("b", "two", "Pending"), {"one job writes to an output"}),
        (_writer("a", "one", "Succeeded"), _writer("b", "two", "Pending"), set()),
        (_writer("a", "one", "Running"), _writer("b", "one", "Pending"), set()),
        (_writer("a", "one", "Running"), _writer("b", "two", "Pending", "other"), set()),
    ],
)  # fmt: skip
def test_two_jobs_that_write_to_one_directory(
    before: JSONObject, after: JSONObject, rules: set[str]
) -> None:
    assert violated_rules(history("pods", before, after)) == rules


def test_an_attempt_after_the_one_before_was_deleted() -> None:
    made = History()
    made.observe("jobs", "ADDED", job("a", 1))
    made.observe("jobs", "DELETED", job("a", 1))
    made.observe("jobs", "ADDED", job("b", 2))
    assert not violated_rules(made)


@pytest.mark.parametrize(
    "later",
    [dpojob(), dpojob("Complete"), dpojob("Complete", "Finished", reason="Validated")],
)
def test_an_end_that_reverts(later: JSONObject) -> None:
    made = history("dpojobs", dpojob("Complete", "Finished"), later)
    assert violated_rules(made) == {"a terminal condition never reverts"}


def test_complete_and_failed_together() -> None:
    assert violated_rules(history("dpojobs", dpojob("Complete", "Failed"))) == {
        "Complete or Failed, never both"
    }


@pytest.mark.parametrize("second", [1, 9])
def test_a_generation_that_falls_or_runs_ahead(second: int) -> None:
    made = history("dpojobs", dpojob(observed=2), dpojob(observed=second))
    assert violated_rules(made) == {"observedGeneration is monotone"}


def test_what_stays_behind() -> None:
    assert rules(list(invariants.no_orphan(history("jobs", job("a")), Log()))) == {
        "nothing outlives its owner"
    }
    assert not list(invariants.no_orphan(history("jobs", job("a"), deleted=("a",)), Log()))


def test_a_child_without_an_owner() -> None:
    log = Log()
    entry = log.add(Kind("create", "jobs"), "/jobs", 1, 0)
    entry.status, entry.body = 201, job("a")
    assert violated_rules(History(), log) == {"every child has a controlling owner"}


def _ended(log: Log, answered: int) -> None:
    entry = log.add(Kind("update", "dpojobs", "status"), "/x", 1, 0)
    entry.status, entry.answered, entry.body = 200, answered, dpojob("Complete", "Finished")


@pytest.mark.parametrize(("answered", "counted"), [(200, 1), (0, 0)])
def test_metrics_count_an_end_whose_answer_came(answered: int, counted: int) -> None:
    log = Log()
    _ended(log, answered)
    line = 'dpojob_finished_total{condition="Complete",reason="Completed"} '
    right = f"{line}{counted}.0\n" if counted else ""
    assert not list(invariants.metrics_match(right, log, 1))
    assert list(invariants.metrics_match(f"{line}{counted + 1}.0\n", log, 1))


def test_a_series_of_a_finished_job() -> None:
    line = 'dpojob_training_step{name="job",namespace="n"} 5.0'
    assert rules(list(invariants.metrics_match(line, Log(), 1))) == {"a finished job has no series"}


def test_an_unforeseen_error_in_the_log() -> None:
    assert list(invariants.log_is_clean("x: unexpected error; retry in 0.1 s\nKeyError: 'a'\n"))
    assert not list(invariants.log_is_clean("x: 409: changed\n"))


def test_another_end_than_the_scenario_s() -> None:
    made = history("dpojobs", dpojob("Complete", "Finished"))
    assert not list(invariants.ends_match(made, {"job": "Completed"}))
    assert list(invariants.ends_match(made, {"job": "OutOfMemory"}))
    assert list(invariants.ends_match(made, {}))


def test_the_end_state_knows_no_uid_and_no_time_but_every_reason() -> None:
    first, second = dpojob("Complete"), dpojob("Complete")
    second["metadata"]["uid"] = UID.replace("a", "b")
    first["status"]["startTime"], second["status"]["startTime"] = "2026-01-01", "2026-01-02"
    assert end_state("one", [first], []) == end_state("two", [second], [])
    other = dpojob("Complete", reason="Validated")
    assert end_state("one", [first], []) != end_state("one", [other], [])


@pytest.mark.parametrize(
    "text",
    [
        "crash-before@write#3",
        "409@update dpojobs/status#2",
        "drop@watch jobs#1:4",
        "cut@list pods#1",
    ],
)
def test_a_fault_prints_as_it_reads(text: str) -> None:
    assert str(Fault.read(text)) == text


def test_a_fault_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="names no fault"):
        Fault.read("explode@somewhere")


def test_a_write_in_flight_is_not_one_that_was_taken() -> None:
    log = Log()
    write = log.add(kind_of("POST", "/api/v1/namespaces/n/pods", False), "", 1, 0)
    before = write.began - 1.0
    assert not log.has_written_since(before)
    write.status = 201
    assert log.has_written_since(before)
    assert not log.has_written_since(write.began)


def test_the_end_state_knows_no_period() -> None:
    november, december = dpojob("Failed"), dpojob("Failed")
    for job, day in ((november, "2026-12-01"), (december, "2027-01-01")):
        job["status"]["conditions"][0]["message"] = f"this month ends {day} 00:00 UTC."
    assert end_state("one", [november], []) == end_state("one", [december], [])
