"""Invariants of cost: GPU time is that of the pods, each counted once; the cost is time by price; quotas count it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal

from dpojob_api.base import JSONObject
from dpojob_api.constants import LABEL_ATTEMPT, LABEL_JOB_UID, LABEL_STAGE, STAGE_TRAIN

from .history import History
from .invariants import Violation

ROUNDING_SECONDS = 2.0
"""The error of one pod's seconds: its start and end are whole seconds."""
CENT = Decimal("0.01")
COUNTED_IN = Decimal("0.000001")
"""Quotas count in whole multiples of it."""


@dataclass
class _Pod:
    """A training pod in the history."""

    gpus: int
    gone: bool
    started: datetime | None = None
    finished: datetime | None = None

    @property
    def gpu_seconds(self) -> float:
        """GPU seconds."""
        if self.started is None or self.finished is None:
            return 0.0
        return (self.finished - self.started).total_seconds() * self.gpus


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _read(versions: list[JSONObject], *, gone: bool) -> _Pod:
    limits = versions[0]["spec"]["containers"][0]["resources"]["limits"]
    pod = _Pod(sum(int(n) for name, n in limits.items() if name.endswith("/gpu")), gone)
    for version in versions:
        for container in (version.get("status") or {}).get("containerStatuses") or []:
            state = container.get("state") or {}
            ended = state.get("terminated") or {}
            began = _moment((ended or state.get("running") or {}).get("startedAt"))
            pod.started = began or pod.started
            pod.finished = _moment(ended.get("finishedAt")) or pod.finished
    return pod


def _pods(history: History, uid: str, attempt: int) -> list[_Pod]:
    wanted = {LABEL_JOB_UID: uid, LABEL_STAGE: STAGE_TRAIN, LABEL_ATTEMPT: str(attempt)}
    return [
        _read(versions, gone=pod in history.gone)
        for pod, versions in history.by_uid("pods").items()
        if wanted.items() <= (versions[0]["metadata"].get("labels") or {}).items()
    ]


def _counts(history: History, uid: str, attempt: int) -> list[JSONObject]:
    """What the statuses of a DPOJob said about the GPU time of one of its attempts, without repetitions."""
    versions = [
        {name: found.get(name) for name in ("gpuSeconds", "podSeconds")}
        for job in history.by_uid("dpojobs")[uid]
        for found in (job.get("status") or {}).get("attempts") or []
        if found["number"] == attempt
    ]
    return [version for version, _ in itertools.groupby(versions)]


def check_costs(history: History, stale_seconds: float = 0.0) -> Iterator[Violation]:
    """Asked while what the jobs left is still there.

    `stale_seconds`: how old a listing of pods may have been when it was used; in one, a pod that has
    ended still runs.

    No attempt is charged for more than its pods ran, nor for less than those that are still to be
    seen ran. One that vanished while no operator lived may be missing.
    """
    for job in history.newest("dpojobs"):
        name, uid = job["metadata"]["name"], job["metadata"]["uid"]
        status = job.get("status") or {}
        expected_cost = Decimal(0)
        for attempt in status.get("attempts") or []:
            reported = float(attempt.get("gpuSeconds", 0))
            expected_cost += Decimal(str(reported)) * Decimal(str(attempt["hourlyPrice"])) / 3600
            pods = _pods(history, uid, attempt["number"])
            slack = sum(ROUNDING_SECONDS * pod.gpus for pod in pods)
            late = sum(stale_seconds * pod.gpus for pod in pods)
            most = sum(pod.gpu_seconds for pod in pods) + slack + late
            least = sum(pod.gpu_seconds for pod in pods if not pod.gone) - slack
            known = all(pod.started is None or pod.finished is not None for pod in pods)
            if attempt.get("endTime") and (reported < least or (known and reported > most)):
                evidence = (
                    f"{name}: {reported} GPU seconds reported, {least} to {most} used: {pods}; "
                    f"counted one after another: {_counts(history, uid, attempt['number'])}"
                )
                yield Violation("GPU time adds up", evidence)
        charged = Decimal(str((status.get("cost") or {}).get("soFar", 0)))
        if abs(charged - expected_cost) > CENT:
            yield Violation("the cost adds up", f"{name}: {charged}, not {expected_cost}")


def spent(job: JSONObject) -> Decimal:
    """What the attempts of a DPOJob cost by its status, as quotas count it."""
    attempts = (job.get("status") or {}).get("attempts") or []
    costs = (
        Decimal(str(attempt.get("gpuSeconds", 0))) * Decimal(str(attempt["hourlyPrice"])) / 3600
        for attempt in attempts
    )
    return sum(costs, start=Decimal(0)).quantize(COUNTED_IN)


def counted(quota: JSONObject) -> Decimal:
    """What a CostQuota has counted since it began to count."""
    status = quota.get("status") or {}
    jobs = (Decimal(j["spent"]) - Decimal(j["before"]) for j in status.get("jobs") or [])
    return sum(jobs, start=Decimal(status.get("deletedJobs", "0")))


def _counted_since(quota: JSONObject) -> datetime | None:
    return _moment((quota.get("status") or {}).get("countedSince"))


def _is_later_period(quota: JSONObject, before: datetime, since: datetime | None) -> bool:
    """Whether a record that began at `before` may begin anew at `since`: with a later part of the calendar."""
    if since is None or since <= before or since.astimezone(UTC).time() != time():
        return False
    period = quota["spec"].get("period", "Month")
    return period == "Day" or (since.day == 1 if period == "Month" else since.weekday() == 0)


def _ended_before(job: JSONObject, moment: datetime) -> bool:
    """Whether no attempt of a DPOJob ended at that time or later, or goes on."""
    attempts = (job.get("status") or {}).get("attempts") or []
    ends = [_moment(attempt.get("endTime")) for attempt in attempts]
    return all(end is not None and end < moment for end in ends)


def check_quotas(history: History) -> Iterator[Violation]:
    """Asked while what the jobs left is still there.

    A CostQuota counts each job once, its sum never falls within a period, and in the end it holds what each job has
    cost; or more, if the job's status ever said so: that of a running pod may be a second ahead of the pod's own end.
    Its record begins anew only with its period, and may then lack the jobs that ended before.
    """
    for versions in history.by_uid("costquotas").values():
        before = versions[0]
        for quota in versions:
            status, earlier = quota.get("status") or {}, before.get("status") or {}
            uids = [job["uid"] for job in status.get("jobs") or []]
            if len(uids) != len(set(uids)):
                yield Violation("a quota counts each job once", f"{status}")
            since, before_since = _counted_since(quota), _counted_since(before)
            if before_since is not None and since != before_since:
                if not _is_later_period(quota, before_since, since):
                    rule = "a quota's record begins anew only with its period"
                    yield Violation(rule, f"{earlier} became {status}")
            elif counted(quota) < counted(before):
                yield Violation("what a quota counts never falls", f"{earlier} became {status}")
            before = quota
        held = {
            j["uid"]: Decimal(j["spent"]) for j in (before.get("status") or {}).get("jobs") or []
        }
        since = _counted_since(before)
        for job in history.newest("dpojobs"):
            uid = job["metadata"]["uid"]
            if uid not in held and since is not None and _ended_before(job, since):
                continue
            found, cost = held.get(uid, Decimal(0)), spent(job)
            most = max(map(spent, history.by_uid("dpojobs")[uid]))
            if not cost <= found <= most:
                evidence = f"{job['metadata']['name']}: {found} counted, {cost} to {most} spent"
                yield Violation("a quota holds what each job has cost", evidence)
