"""A job that has just failed, for each reason to fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.kit.builders import (
    POOLS,
    RUNNING,
    build_snapshot,
    finished_pod,
    job_snapshot,
    training_status,
)
from tests.kit.operator.attempt_snapshots import trains
from tests.kit.operator.waits.decided_jobs import (
    DecidedJob,
    decide_after_an_hour,
    decide_once,
    inspected,
    inspects,
    with_status,
)
from tests.kit.operator.waits.obstacles import ON_A_CLAIM
from tests.kit.operator.waits.waiting_jobs import CLOSED, FROM_JOB, FULL, NO_SECRET
from tests.kit.operator_fixture import failed

from dpojob_api.conditions import Reason
from dpojob_api.job import Dependency
from dpojob_operator.decide import DependencySnapshot, OutputHolder

OF_A_REPORT = (
    Reason.DATASET_INVALID,
    Reason.TOO_MANY_INVALID_ROWS,
    Reason.DATASET_NOT_FOUND,
    Reason.DATASET_UNREADABLE,
    Reason.MODEL_NOT_FOUND,
    Reason.MODEL_UNREADABLE,
    Reason.INVALID_ARGUMENTS,
)
"""The inspection container gives them."""
OF_AN_OUTCOME = (
    Reason.DATASET_CHANGED,
    Reason.GPU_NOT_USABLE,
    Reason.INVALID_POOL,
    Reason.OUT_OF_MEMORY,
    Reason.DISK_FULL,
    Reason.UNHEALTHY,
    Reason.TRAINING_FAILED,
    Reason.PUSH_FAILED,
)
"""The training container gives them."""
FOUND = Dependency(kind="DPOJob", name="sft", uid="u", repo="me/sft")


def at_inspection() -> Iterator[DecidedJob]:
    """Jobs whose data, model or claims are not what training needs."""
    for reason in OF_A_REPORT:
        report = {"valid": False, "reason": reason, "error": "Look."}
        yield decide_once(inspects(finished_pod("inspect", 2, report)))
    silent = inspects(finished_pod("inspect", 3, "", termination_message=""))
    assert silent.inspection is not None
    yield decide_once(replace(silent, inspection=replace(silent.inspection, failed=True)))
    yield decide_after_an_hour(build_snapshot(spec_fields=ON_A_CLAIM, claims={"data": None}))
    yield decide_after_an_hour(inspects(NO_SECRET))
    yield decide_once(build_snapshot(output_holder=OutputHolder("other", "models/x")))
    yield decide_once(build_snapshot(conflicting_object="Job x"))
    yield decide_once(build_snapshot(oversized_inputs="samples.prompts is the largest."))
    dispatched = job_snapshot("x-inspect", managed_by="kueue.x-k8s.io/multikueue")
    yield decide_once(replace(inspects(), inspection=dispatched))
    program = {"judge": {"program": {"volume": {"claimName": "code", "path": "judge.py"}}}}
    yield decide_once(build_snapshot(spec_fields={"evaluation": program}))


def after_another_job() -> Iterator[DecidedJob]:
    """Jobs that can never begin from the other job's model."""
    for facts in (
        {"failed": True, "failure": "No room."},
        {"complete": True, "problem": "It has no output."},
        {"cycle": ("x", "sft", "x")},
    ):
        dependency = DependencySnapshot(found=FOUND, **facts)  # type: ignore[arg-type]
        yield decide_once(build_snapshot(spec_fields=FROM_JOB, dependency=dependency))
    improved = {"model": {"fromJob": {"name": "sft", "requireImproved": True}}}
    worse = DependencySnapshot(found=FOUND, complete=True, not_improved="Improved is False.")
    yield decide_once(build_snapshot(spec_fields=improved, dependency=worse))


def at_planning() -> Iterator[DecidedJob]:
    """Jobs for which no plan is possible."""
    yield decide_after_an_hour(inspected(), ())
    yield decide_after_an_hour(inspected(spec_fields={"hardware": {"pool": "t4"}}), CLOSED)
    yield decide_after_an_hour(inspected(spec_fields={"hardware": {"pool": "absent"}}))
    gpu = POOLS[0].spec.gpu.model_copy(update={"memory_gib": 0.01})
    tiny = POOLS[0].spec.model_copy(update={"gpu": gpu})
    yield decide_once(inspected(), (replace(POOLS[0], spec=tiny),))
    yield decide_once(inspected(spec_fields={"budget": {"maxCost": "0.01"}}))


def in_training() -> Iterator[DecidedJob]:
    """Jobs that end with their training Job."""
    final = {"failed": True, "failure_reason": "PodFailurePolicy"}
    for reason in OF_AN_OUTCOME:
        yield decide_once(trains(finished_pod("train", 11, failed(reason, "Look.")), **final))
    again = finished_pod("train", 1, failed("TrainingFailed", "Oops."))
    yield decide_once(trains(again, failed=True, failure_reason="BackoffLimitExceeded"))
    yield decide_once(build_snapshot(training_status()))
    for facts in ({"spec_fields": {"budget": {"maxCost": "1.00"}}}, {"quotas": (FULL,)}):
        stopped = decide_after_an_hour(trains(RUNNING, **facts))
        yield decide_once(
            with_status(stopped.snapshot, stopped.status, training=None, training_pods=())
        )


def failing_jobs() -> list[DecidedJob]:
    """All of them."""
    return [*at_inspection(), *after_another_job(), *at_planning(), *in_training()]
