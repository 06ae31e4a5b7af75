"""Edits of a DPOJob's queue and priority, which reach a Job that exists as far as Kueue allows it.

Kueue's webhook for batch/v1 Jobs (pkg/controller/jobframework/validation.go, Kueue 0.19) lets the queue of a Job
change while the Job is suspended, and its priority class at any time, except that a running Job without one
gets none and that none is removed. A Job without a queue name is no longer looked at, so a suspended one whose
label was removed would stay suspended.
"""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.decide.object_snapshots import QUEUE_PREFIX, JobSnapshot, queue_labels
from dpojob_operator.decide.status_builder import CREATION_RETRY_SECONDS, StatusBuilder
from dpojob_operator.decide.types import SetJobLabels

QUEUE_NAME = f"{QUEUE_PREFIX}queue-name"
PRIORITY_CLASS = f"{QUEUE_PREFIX}priority-class"
KUEUE_DEFAULT = "default"
"""Name of the queue and of the priority class that Kueue itself gives a Job without one."""


def apply_queue_edits(builder: StatusBuilder) -> None:
    """Give the Job that waits or runs the queue and the priority of the DPOJob, or report why it keeps others.

    Args:
        builder: The status under construction.
    """
    job = builder.snapshot.training or builder.snapshot.inspection
    if job is None or job.owner != builder.job.uid or job.finished or job.deleting:
        return
    wanted, applicable, obstacles = queue_labels(builder.job.metadata), {}, []
    for label in (QUEUE_NAME, PRIORITY_CLASS):
        new, old = wanted.get(label), job.queue_labels.get(label)
        if new == old or (new is None and old == KUEUE_DEFAULT):
            continue
        obstacle = _obstacle(label, new, old, suspended=job.suspended)
        if obstacle is None and new is not None:
            applicable[label] = new
        else:
            obstacles.append(f"Job {job.name} keeps {label}={old or ''}: {obstacle}.")
    rejection = builder.snapshot.label_rejection
    if applicable and rejection:
        obstacles.append(rejection)
        builder.requeue_within(CREATION_RETRY_SECONDS)
    elif applicable:
        builder.add_action(SetJobLabels(job.name, job.uid, applicable))
    _report(builder, job, obstacles, pending=bool(applicable))


def _obstacle(label: str, new: str | None, old: str | None, *, suspended: bool) -> str | None:
    """Why Kueue does not take the new value, as a clause; None when it takes it."""
    if new is None:
        return "Kueue lets no Job leave its queue, and removes no priority class"
    if label == QUEUE_NAME and not suspended:
        return f"Kueue moves no Job that runs to another queue ({new})"
    if label == PRIORITY_CLASS and not suspended and old is None:
        return f"Kueue gives no priority class ({new}) to a Job that runs without one"
    return None


def _report(
    builder: StatusBuilder, job: JobSnapshot, obstacles: list[str], *, pending: bool
) -> None:
    """Set QueueLabelsApplied; a job whose edits all reached its Jobs never gets the condition."""
    old = builder.status.condition(ConditionType.QUEUE_LABELS_APPLIED)
    if obstacles:
        advice = (
            "To apply the edit now, set spec.suspend to true and then to false: a new Job gets the labels "
            "as they are then, and goes on from the newest checkpoint."
            if job is builder.snapshot.training
            else "The training Job gets the labels as they are when it is made."
        )
        message = " ".join([*obstacles, advice])
        builder.set_queue_labels_applied(False, Reason.QUEUE_EDIT_NOT_APPLIED, message)
    elif old is not None and old.status == "False" and not pending:
        # While a rejected edit is tried again, its message stays.
        text = f"Job {job.name} has the queue and the priority of this DPOJob."
        builder.set_queue_labels_applied(True, Reason.QUEUE_EDIT_APPLIED, text)
