"""Step: only one job at a time writes to an output directory."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_operator.decide.inspection_result import RECREATE_ADVICE
from dpojob_operator.decide.status_builder import StatusBuilder

POLL_SECONDS = 5.0


def check_output_lock(builder: StatusBuilder) -> bool:
    """Fail, or wait, when another job writes to the same output directory.

    Args:
        builder: The status under construction.

    Returns:
        Whether no other job holds the directory, so that the next step may run.
    """
    holder = builder.snapshot.output_holder
    if holder is None or builder.job.spec.suspend:
        return True
    if not holder.being_deleted:
        builder.fail(
            Reason.OUTPUT_OCCUPIED,
            f"DPOJob {holder.name}, which has not ended, writes to {holder.directory} too, and one "
            f"directory holds one model: name another output.volume.path. {RECREATE_ADVICE}",
        )
        return False
    builder.set_phase("Waiting")
    builder.requeue_within(POLL_SECONDS)
    message = (
        f"DPOJob {holder.name}, which writes to {holder.directory} too, is being deleted; this job "
        "goes on when it is gone."
    )
    if builder.status.dataset is None:
        builder.set_dataset_valid(None, Reason.OUTPUT_OCCUPIED, message)
    else:
        builder.set_planned(False, Reason.OUTPUT_OCCUPIED, message)
    return False


def earlier_pods_ended(builder: StatusBuilder) -> bool:
    """Wait while pods of a deleted job may still write to the output directory.

    Args:
        builder: The status under construction.

    Returns:
        Whether these pods have ended, so that training may begin.
    """
    pods = builder.snapshot.earlier_pods
    if not pods:
        return True
    builder.set_phase("Waiting")
    builder.requeue_within(POLL_SECONDS)
    builder.set_training(
        False,
        Reason.STARTING,
        f"Pod {', '.join(pods)} of a deleted DPOJob still writes to the output directory; "
        "training begins when it has ended.",
    )
    return False
