"""The decision about one DPOJob: a pure function of the objects that were read.

`decide` does no I/O and has no clock: the same snapshot, pools and time give the
same decision, and a decision's status, read again, gives no further change. The package also holds
the snapshots of Jobs, Pods and claims that decisions are made from, and the names of child objects.
"""

from .decision import decide, decide_with_pools
from .invalid_spec import invalid_spec_status
from .ttl import is_settled
from .types import (
    Action,
    CreateClaim,
    CreateInspection,
    CreateTraining,
    Decision,
    DeleteJob,
    DeleteSelf,
    DependencySnapshot,
    OutputHolder,
    PlanningRequest,
    Policy,
    SharedInspection,
    Snapshot,
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
    "OutputHolder",
    "PlanningRequest",
    "Policy",
    "SharedInspection",
    "Snapshot",
    "decide",
    "decide_with_pools",
    "invalid_spec_status",
    "is_settled",
]
