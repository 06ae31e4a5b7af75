"""Output: one directory is written to by one job at a time."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.decide.status_builder import StatusBuilder

from .inspection import AGAIN

LOOK_AGAIN_SECONDS = 5.0


def stage(builder: StatusBuilder) -> bool:
    """Whether no other job holds the output directory, so that the next stage may go on."""
    holder = builder.snapshot.output_holder
    if holder is None or builder.job.spec.suspend:
        return True
    if not holder.being_deleted:
        builder.fail(
            Reason.OUTPUT_OCCUPIED,
            f"DPOJob {holder.name}, which has not ended, writes to {holder.directory} too, and one "
            f"directory holds one model: name another output.volume.path. {AGAIN}",
        )
        return False
    builder.set_phase("Waiting")
    builder.requeue_within(LOOK_AGAIN_SECONDS)
    if builder.status.dataset is None:
        builder.set_condition(
            ConditionType.DATASET_VALID,
            None,
            Reason.OUTPUT_OCCUPIED,
            f"DPOJob {holder.name}, which writes to {holder.directory} too, is being deleted; this job "
            "goes on when it is gone.",
        )
    return False


def earlier_pods_ended(builder: StatusBuilder) -> bool:
    """Whether the pods of a deleted job of the same name have ended, so that training may begin."""
    pods = builder.snapshot.earlier_pods
    if not pods:
        return True
    builder.set_phase("Waiting")
    builder.requeue_within(LOOK_AGAIN_SECONDS)
    builder.set_condition(
        ConditionType.TRAINING,
        False,
        Reason.STARTING,
        f"Pod {', '.join(pods)} of an earlier DPOJob of this name still writes to the output directory; "
        "training begins when it has ended.",
    )
    return False
