"""A job in each way to wait or to work, in each phase that this way has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from tests.kit.builders import (
    NOW,
    POOLS,
    RUNNING,
    UID,
    build_snapshot,
    job_snapshot,
    training_status,
)
from tests.kit.operator.attempt_snapshots import WAITS, trains
from tests.kit.operator.cost_quotas import quota, spent_by_others
from tests.kit.operator.waits.decided_jobs import (
    DecidedJob,
    decide_after_an_hour,
    decide_once,
    inspected,
    inspects,
    with_status,
)
from tests.kit.operator.waits.documented_table import UNFINISHED
from tests.kit.operator.waits.obstacles import (
    BOUND,
    NO_LABEL,
    NO_ROOM,
    ON_A_CLAIM,
    POD_QUOTA,
    QUOTA,
    UNBOUND,
    WEBHOOK,
)

from dpojob_api.cost_quota import CountedJob
from dpojob_api.job import DPOJobStatus
from dpojob_api.progress import Progress
from dpojob_operator.decide import OutputHolder, SharedInspection
from dpojob_operator.decide.stalled_job import failed_pass_status, invalid_spec_status

IMAGE = replace(WAITS, scheduled=True, waiting_reason="ErrImagePull", waiting_message="not found")
NO_SECRET = replace(
    WAITS,
    scheduled=True,
    waiting_reason="CreateContainerConfigError",
    waiting_message='secret "hub" not found',
)
FULL = quota("100", spent_by_others("100"), CountedJob(uid=UID, name="x"))
OTHERS_OUTPUT = OutputHolder(name="other", directory="models/x", being_deleted=True)
CLOSED = (replace(POOLS[0], allowed=False),)
"""The only pool, which is not open to the job's namespace."""
FROM_JOB = {"model": {"fromJob": {"name": "sft"}}}


def before_training() -> Iterator[DecidedJob]:
    """Jobs that are inspected or about to be."""
    yield decide_once(build_snapshot(spec_fields=FROM_JOB))
    yield decide_once(build_snapshot(spec_fields={**FROM_JOB, "suspend": True}))
    yield decide_once(build_snapshot(shared=SharedInspection(name="first", report=None)))
    yield decide_once(inspects())
    for text in (UNBOUND, NO_LABEL):
        yield decide_once(inspects(replace(WAITS, unschedulable=text)))
    yield decide_once(inspects(IMAGE))
    for text in (POD_QUOTA, WEBHOOK):
        yield decide_once(inspects(pod_rejection=text))
    for text in (QUOTA, WEBHOOK):
        yield decide_once(build_snapshot(creation_rejection=text))
    yield decide_once(inspects(suspended=True))
    yield decide_once(build_snapshot(spec_fields={"suspend": True}))
    for held in (False, True):
        yield decide_once(inspects(suspended=held, spec_fields={"suspend": True}))
    yield decide_once(build_snapshot(spec_fields=ON_A_CLAIM, claims={"data": None}))
    yield decide_once(build_snapshot(output_holder=OTHERS_OUTPUT))


def before_a_training_job() -> Iterator[DecidedJob]:
    """Jobs that are planned, or cannot be, and have no training Job."""
    yield decide_once(inspected(), ())
    yield decide_once(inspected(spec_fields={"hardware": {"pool": "absent"}}))
    yield decide_once(inspected(spec_fields={"hardware": {"pool": "t4"}}), CLOSED)
    yield decide_once(inspected(quotas=(FULL,)))
    yield decide_once(inspected(quotas=(quota("1000000"),)))
    yield decide_once(inspected(unreadable_quotas=("newer",)))
    yield decide_once(inspected(earlier_trainings=(job_snapshot("x-train-0", deleting=True),)))
    yield decide_once(inspected(spec_fields=ON_A_CLAIM, claims={"data": None}))
    planned = decide_once(inspected(spec_fields=ON_A_CLAIM, claims={"data": BOUND}))
    for facts in (
        {"claims": {"data": None}},
        {"creation_rejection": QUOTA},
        {"creation_rejection": WEBHOOK},
    ):
        yield decide_once(with_status(planned.snapshot, planned.status, **facts))
    for pools in ((), CLOSED):
        yield decide_once(with_status(planned.snapshot, planned.status), pools)


def with_a_training_job() -> Iterator[DecidedJob]:
    """Jobs whose training Job exists, and has no pod that runs."""
    for text in (UNBOUND, NO_LABEL, NO_ROOM):
        yield decide_once(trains(replace(WAITS, unschedulable=text)))
    for text in (POD_QUOTA, WEBHOOK):
        yield decide_once(trains(pod_rejection=text))
    yield decide_once(trains(IMAGE))
    yield decide_once(trains(WAITS))
    yield decide_once(trains(replace(WAITS, scheduled=True)))
    yield decide_once(trains(suspended=True))
    yield decide_after_an_hour(trains(WAITS, quotas=(FULL,)))
    yield decide_once(trains(status=started(), suspended=True))
    withdrawn = decide_once(replace(trains(WAITS), pool_hashes={"t4": "edited"}))
    yield withdrawn
    for suspended in ({"spec_fields": {"suspend": True}}, {"suspended": True}):
        yield decide_once(trains(WAITS, status=withdrawn.status, **suspended))


def with_a_training_pod() -> Iterator[DecidedJob]:
    """Jobs of which a training pod runs, or ran and is being stopped."""
    yield decide_once(trains(RUNNING, progress=Progress(step=3, max_steps=9)))
    yield decide_once(trains(RUNNING, progress_unreachable=True))
    yield decide_once(trains(RUNNING, suspended=True))
    yield decide_once(trains(RUNNING, spec_fields={"suspend": True}))
    over = {"spec_fields": {"budget": {"maxCost": "1.00"}}}
    stopped = decide_after_an_hour(trains(RUNNING, **over))
    yield stopped
    spec = {"budget": {"maxCost": "1.00"}, "suspend": True}
    yield decide_once(trains(RUNNING, status=stopped.status, spec_fields=spec))
    yield decide_after_an_hour(trains(RUNNING, quotas=(FULL,)))
    yield decide_after_an_hour(trains(NO_SECRET))
    ended = replace(RUNNING, finished=NOW, exit_code=137)
    yield decide_once(trains(replace(ended, exit_reason="OOMKilled")))
    yield decide_once(trains(replace(ended, eviction_message="ephemeral storage")))


def stalled() -> Iterator[DecidedJob]:
    """Jobs of another version, and jobs at which the operator fails, in each phase."""
    for phase in sorted(UNFINISHED):
        snapshot = build_snapshot(DPOJobStatus(phase=phase))
        status = snapshot.job.status
        yield DecidedJob(snapshot, invalid_spec_status(status, 1, "spec", "epochs: unknown", NOW))
        yield DecidedJob(snapshot, failed_pass_status(status, 1, KeyError("x"), NOW))


def started() -> DPOJobStatus:
    """The status of a job whose pod has run."""
    status = training_status()
    status.attempts[0].start_time = NOW - timedelta(hours=1)
    return status


def waiting_jobs() -> list[DecidedJob]:
    """All of them."""
    return [
        *before_training(),
        *before_a_training_job(),
        *with_a_training_job(),
        *with_a_training_pod(),
        *stalled(),
    ]
