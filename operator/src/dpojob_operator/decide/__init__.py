"""The decision about one DPOJob: a pure function of the objects that were read.

`steps.decide` does no I/O and has no clock: the same snapshot, pools and time give the same
decision, and a decision's status, read again, gives no further change. This package holds the types
of a decision, the snapshots of Jobs, Pods and claims that decisions are made from, the names of child
objects, and the builder of the status, which the steps share; `steps` holds the entry points.
"""

from .irreversible import is_irreversible
from .ttl import is_finished, is_settled
from .types import (
    Action,
    CreateClaim,
    CreateInspection,
    CreateTraining,
    Decision,
    DeleteJob,
    DeleteSelf,
    DependencySnapshot,
    FirstSeen,
    OutputHolder,
    PlanningRequest,
    Policy,
    PoolReservation,
    QuotaSnapshot,
    SetJobLabels,
    SharedInspection,
    Snapshot,
    WaitingJob,
)

__all__ = [
    "Action",
    "CreateClaim",
    "CreateInspection",
    "CreateTraining",
    "Decision",
    "DeleteJob",
    "DeleteSelf",
    "DependencySnapshot",
    "FirstSeen",
    "OutputHolder",
    "PlanningRequest",
    "Policy",
    "PoolReservation",
    "QuotaSnapshot",
    "SetJobLabels",
    "SharedInspection",
    "Snapshot",
    "WaitingJob",
    "child_names",
    "conditions",
    "cost",
    "cost_quota",
    "effective_spec",
    "exit_statuses",
    "inspection_result",
    "is_finished",
    "is_irreversible",
    "is_settled",
    "object_snapshots",
    "stalled_job",
]
