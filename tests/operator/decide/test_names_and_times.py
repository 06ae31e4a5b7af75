"""Names of child objects, times since something was first seen, and how conditions replace each other."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.kit.builders import NOW, UID

from dpojob_api.job import DPOJobStatus
from dpojob_api.status_condition import Condition
from dpojob_operator.decide import FirstSeen, is_settled
from dpojob_operator.decide.child_names import (
    inspection_name,
    output_claim_name,
    own_output_claim_name,
    rendezvous_name,
    training_name,
    uid_hash,
)
from dpojob_operator.decide.conditions import improved_by, next_condition
from dpojob_operator.decide.stalled_job import invalid_spec_status
from dpojob_operator.decide.timing import Timing

HASH = uid_hash(UID)
EARLIER = NOW - timedelta(hours=1)


def test_children_are_named_by_the_job_its_uid_and_the_attempt() -> None:
    assert len(HASH) == 8
    assert inspection_name("my.job", UID) == f"my-job-inspect-{HASH}"
    assert training_name("x", UID, 12) == f"x-train-{HASH}-12"
    assert rendezvous_name("1x-train") == "dpo-1x-train"
    assert output_claim_name("x") == "x-output"
    assert own_output_claim_name("x", UID) == f"x-output-{HASH}"
    assert uid_hash("another") != HASH


def test_a_long_name_is_cut_to_55_characters_without_a_dash_before_the_tail() -> None:
    assert inspection_name("n" * 63, UID) == f"{'n' * 38}-inspect-{HASH}"
    assert len(inspection_name("n" * 63, UID)) == 55
    assert inspection_name("n" * 37 + "-" + "m" * 20, UID) == f"{'n' * 37}-inspect-{HASH}"


def test_what_was_not_seen_before_has_no_time_and_is_measured_from_now_on() -> None:
    for ask, answer in (
        (Timing.first_seen_at, None),
        (Timing.seconds_since_first_seen, None),
        (Timing.steady_now, NOW),
    ):
        timing = Timing({}, NOW)
        assert ask(timing, "pod") == answer
        assert timing.timed == {"pod"}


def test_time_goes_on_since_something_was_first_seen_by_the_monotonic_clock() -> None:
    timing = Timing({"pod": FirstSeen(EARLIER, 90.5)}, NOW)
    assert timing.first_seen_at("pod") == EARLIER
    assert timing.seconds_since_first_seen("pod") == 90.5
    assert timing.steady_now("pod") == EARLIER + timedelta(seconds=90)
    assert timing.steady_now("another") == NOW


def condition(status: str) -> Condition:
    return Condition(
        type="Ready", status=status, reason="R", message="m", observed_generation=1,
        last_transition_time=EARLIER,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "transition"),
    [([], NOW), ([condition("True")], NOW), ([condition("False")], EARLIER)],
    ids=["new", "another status", "the same status"],
)
def test_the_transition_time_follows_the_status_alone(
    old: list[Condition], transition: object
) -> None:
    now = NOW + timedelta(microseconds=5)
    assert next_condition(old, "Ready", "False", "S", "n", 2, now) == Condition(
        type="Ready", status="False", reason="S", message="n", observed_generation=2,
        last_transition_time=transition,
    )  # fmt: skip


def test_a_verdict_of_another_version_is_no_verdict() -> None:
    assert improved_by("NotBetter") == (False, "NotBetter")
    assert improved_by("VerdictOfTomorrow") == (None, "NotEvaluated")


def test_an_unreadable_spec_is_reported_in_ready_and_stalled() -> None:
    before = DPOJobStatus(conditions=[condition("True")], phase="Training")
    after = invalid_spec_status(before, 7, "spec", "spec.x: unknown", NOW)
    assert after.observed_generation == 7 and after.phase == "Training"
    found = {c.type: (c.status, c.reason, c.observed_generation) for c in after.conditions}
    assert found == {"Ready": ("False", "InvalidSpec", 7), "Stalled": ("True", "InvalidSpec", 7)}
    assert "cannot read the spec (spec.x: unknown)" in after.conditions[0].message
    assert before.conditions == [condition("True")], "the status that was read is left alone"


def test_an_unreadable_spec_of_a_finished_job_is_of_no_interest() -> None:
    finished = condition("True").model_copy(update={"type": "Finished"})
    before = DPOJobStatus(conditions=[finished])
    assert invalid_spec_status(before, 7, "spec", "p", NOW) == before


def listed(status: str = "True", observed: int = 2, **spec: int) -> dict[str, object]:
    conditions = [{"type": "Ready", "status": "True"}, {"type": "Finished", "status": status}]
    return {
        "metadata": {"generation": 2},
        "spec": spec,
        "status": {"observedGeneration": observed, "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("raw", "settled"),
    [
        (listed(), True),
        (listed(status="False"), False),
        (listed(observed=1), False),
        (listed(ttlSecondsAfterFinished=0), False),
        ({"metadata": {"generation": 2}}, False),
        ({"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}, False),
    ],
)
def test_a_listed_job_needs_no_pass_once_it_has_ended_for_good(
    raw: dict[str, object], settled: bool
) -> None:
    assert is_settled(raw) is settled
