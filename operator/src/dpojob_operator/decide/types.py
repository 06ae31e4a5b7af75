"""The input of a decision (a snapshot and the policy) and its result (a status and actions)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from dpojob_api.cost_quota import CountedJob, Period
from dpojob_api.job import Dependency, DPOJob, DPOJobStatus
from dpojob_api.progress import Progress
from dpojob_api.report import InspectionReport
from dpojob_operator.decide.object_snapshots import (
    JobSnapshot,
    PodSnapshot,
    PVCSnapshot,
    WorkloadSnapshot,
)


@dataclass(frozen=True)
class Policy:
    """The installation's settings that decisions depend on. Times in seconds."""

    currency: str = "USD"
    status_seconds: float = 10.0
    """Progress is written at most this often."""
    missing_grace_seconds: float = 10.0
    """How long after the DPOJob's creation a missing claim is waited for; and how long a missing pool."""
    secret_grace_seconds: float = 30.0
    """A pod may wait this long for a missing Secret."""
    operator_namespace: str = "default"
    """The namespace of the operator's own pods."""
    allow_judge_programs: bool = False
    """Whether `evaluation.judge.program` may run a user's program beside the trained model."""
    pod_listing_grace_seconds: float = 20.0
    """A finished Job's pods may show up this late in a listing."""


@dataclass(frozen=True)
class DependencySnapshot:
    """The job that `model.fromJob` names, as it is now."""

    found: Dependency | None = None
    """None: it does not exist. Its output is filled in only once it is complete."""
    complete: bool = False
    failed: bool = False
    failure: str = ""
    problem: str = ""
    """Why its output cannot be used, when it is complete and cannot."""
    not_improved: str = ""
    """What its condition Improved says instead of True, when it is complete."""
    cycle: tuple[str, ...] = ()
    """Names of the jobs on the path back to this job, when `fromJob` leads back to it."""


@dataclass(frozen=True)
class SharedInspection:
    """Another job's inspection of the same model and dataset, with the same settings."""

    name: str
    """The name of the other DPOJob."""
    report: InspectionReport | None = None
    """None: the inspection has not ended, and this job waits for it."""


@dataclass(frozen=True)
class OutputHolder:
    """Another job that writes to the same output directory and has precedence."""

    name: str
    """The name of the other DPOJob."""
    directory: str
    """Claim and path."""
    being_deleted: bool = False
    """Whether it is being deleted."""


@dataclass(frozen=True)
class FirstSeen:
    """When this process first saw what a decision measures the time of.

    The API server's clock and a node's may step, the monotonic clock does not.
    """

    at: datetime
    """The time by the clock of decisions."""
    seconds: float
    """Since then, by the monotonic clock."""


@dataclass(frozen=True, order=True)
class WaitingJob:
    """A job that waits for a node of a pool; the order of these is that of the queue."""

    since: datetime
    name: str
    """Namespace and name of the DPOJob."""


@dataclass(frozen=True)
class QuotaSnapshot:
    """A CostQuota of the namespace, as far as a decision about one job reads it. Amounts are not rounded."""

    name: str
    period: Period
    max_cost: Decimal
    used: Decimal
    reserved: Decimal
    counted_since: datetime | None
    """None: nothing was counted yet."""
    period_end: datetime | None
    entry: CountedJob | None
    """What is counted of this job."""

    @property
    def room(self) -> Decimal:
        """What is neither used nor reserved; negative when more is."""
        return self.max_cost - self.used - self.reserved

    @property
    def is_exhausted(self) -> bool:
        """Whether the whole limit is used, so that nothing that costs may go on."""
        return self.used >= self.max_cost


@dataclass(frozen=True)
class Snapshot:
    """One DPOJob and every object that a decision about it depends on, as just read."""

    job: DPOJob
    claims: Mapping[str, PVCSnapshot | None] = field(default_factory=dict)
    """Every PersistentVolumeClaim the job names; None where it does not exist."""
    dependency: DependencySnapshot = DependencySnapshot()
    """Read while `model.fromJob` is not resolved."""
    inspection: JobSnapshot | None = None
    inspection_pods: tuple[PodSnapshot, ...] = ()
    inspection_key: str | None = None
    shared: SharedInspection | None = None
    lookup_pending: bool = False
    """Whether the hub is being asked for the commits that the inspection key holds."""
    output_holder: OutputHolder | None = None
    """None also once this job trains."""
    training: JobSnapshot | None = None
    """The Job of the newest attempt."""
    earlier_trainings: tuple[JobSnapshot, ...] = ()
    """Training Jobs of attempts before the newest. Each attempt begins when the Job before is gone, but a
    creation whose answer was lost may take effect later."""
    training_pods: tuple[PodSnapshot, ...] = ()
    earlier_pods: tuple[str, ...] = ()
    """Training pods that a deleted DPOJob left, and that may still write to the output directory this one
    names."""
    workload: WorkloadSnapshot | None = None
    """Kueue's view of the inspection or training Job that it holds suspended."""
    pod_rejection: str = ""
    """Why the Job controller cannot create a pod of the inspection or training Job."""
    waiting_jobs: Mapping[str, Sequence[WaitingJob]] = field(default_factory=dict)
    """The jobs that wait for a node, by pool, sorted; this one may be among them."""
    pool_hashes: Mapping[str, str] = field(default_factory=dict)
    """Hash of each pool's spec as it is now, by pool."""
    quotas: tuple[QuotaSnapshot, ...] = ()
    """The CostQuotas of the namespace."""
    unreadable_quotas: tuple[str, ...] = ()
    """Names of the CostQuotas of the namespace that this version cannot parse."""
    progress: Progress | None = None
    """The newest progress of the running pod; None when it was not reached."""
    first_seen: Mapping[str, FirstSeen] = field(default_factory=dict)
    """When that was first seen which the last decision measured the time of (`Decision.timed`)."""
    progress_unreachable: bool = False
    """Whether every reading of the running pod's progress has failed for a while."""
    refresh: bool = True
    """Whether progress and cost, which change all the time, may be written in this pass."""
    conflicting_object: str = ""
    """Kind and name of an object that is not this DPOJob's and has the name a child must have."""
    oversized_inputs: str = ""
    """Why the inputs of a child's pod do not fit its annotations, and what to shorten."""
    creation_rejection: str = ""
    """Why the API server just rejected the creation of a child."""
    label_rejection: str = ""
    """Why the API server just rejected an edit of a Job's labels."""
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class CreateInspection:
    """Create the inspection Job of that name."""

    name: str


@dataclass(frozen=True)
class CreateClaim:
    """Create the output claim, unless it exists."""

    name: str
    gib: int
    shared: bool
    """Whether pods on several nodes must write to it."""


@dataclass(frozen=True)
class CreateTraining:
    """Create the training Job of the newest attempt, and the Service for pods on several nodes."""

    name: str
    attempt: int


@dataclass(frozen=True)
class DeleteJob:
    """Delete the Job with that UID, its pods first; they get their grace period to save a checkpoint."""

    name: str
    uid: str


@dataclass(frozen=True)
class DeleteSelf:
    """Delete the DPOJob: `ttlSecondsAfterFinished` is over."""

    uid: str


@dataclass(frozen=True)
class SetJobLabels:
    """Set labels of the Job with that UID; its other labels stay."""

    name: str
    uid: str
    labels: Mapping[str, str]


Action = CreateInspection | CreateClaim | CreateTraining | DeleteJob | DeleteSelf | SetJobLabels


@dataclass(frozen=True)
class PoolReservation:
    """GPUs that the job waits for: it is planned on them, and no pod of it has a node yet."""

    pool: str
    gpus: int
    """The GPUs of all nodes."""


@dataclass(frozen=True)
class Decision:
    """The status to write, then the actions to execute, and when the next pass is due."""

    status: DPOJobStatus
    actions: tuple[Action, ...] = ()
    requeue_after: float | None = None
    """Seconds; None: at the next event or resync."""
    reservation: PoolReservation | None = None
    """What other jobs must not be planned on."""
    timed: frozenset[str] = frozenset()
    """What this decision measured the time of; the next one needs to know when it was first seen."""

    @property
    def creates_job(self) -> bool:
        """Whether an action creates the Job of a stage."""
        return any(isinstance(a, CreateInspection | CreateTraining) for a in self.actions)


@dataclass(frozen=True)
class PlanningRequest:
    """The result of a decision that depends on the GPUPools, which were not read.

    Pools, and what is named here, are read only for jobs that are being planned. The caller reads
    them into the snapshot and calls `decide_with_pools`.
    """

    claims: tuple[str, ...]
    """Names of the PersistentVolumeClaims to read."""
    earlier_pods: bool
    """Whether to list the training pods that deleted DPOJobs left."""


def copy_status(status: DPOJobStatus) -> DPOJobStatus:
    """Copy a status as far as steps change it in place.

    Args:
        status: The status as it was read.

    Returns:
        A status with lists and small parts of its own; the parts that steps replace are shared.
    """
    inspection, artifacts, display = status.inspection, status.artifacts, status.display
    return status.model_copy(
        update={
            "conditions": list(status.conditions),
            "attempts": [
                attempt.model_copy(update={"job": attempt.job.model_copy()})
                for attempt in status.attempts
            ],
            "inspection": inspection and inspection.model_copy(),
            "artifacts": artifacts and artifacts.model_copy(),
            "display": display and display.model_copy(),
        }
    )
