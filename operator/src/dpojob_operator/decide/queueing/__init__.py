"""What users and queueing systems decide about when and where a job runs.

The condition Suspended, edits of a job's queue and priority, and jobs that another controller manages.
"""

from .managed_by import dispatched_job, fail_dispatched, is_managed_elsewhere
from .queue_labels import apply_queue_edits
from .suspension import hold_if_suspended, update_suspended

__all__ = [
    "apply_queue_edits",
    "dispatched_job",
    "fail_dispatched",
    "hold_if_suspended",
    "is_managed_elsewhere",
    "update_suspended",
]
