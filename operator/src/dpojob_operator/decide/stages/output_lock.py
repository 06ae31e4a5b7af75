"""Output: one directory is written to by one job at a time."""

from __future__ import annotations

from dpojob_api.conditions import ConditionType, Reason
from dpojob_operator.decide.status_builder import Draft

from .inspection import AGAIN

LOOK_AGAIN_SECONDS = 5.0


def stage(draft: Draft) -> bool:
    """Whether no other job holds the output directory, so that the next stage may go on."""
    holder = draft.observed.output_holder
    if holder is None or draft.job.spec.suspend:
        return True
    if not holder.leaving:
        draft.fail(
            Reason.OUTPUT_OCCUPIED,
            f"DPOJob {holder.name}, which has not ended, writes to {holder.directory} too, and one "
            f"directory holds one model: name another output.volume.path. {AGAIN}",
        )
        return False
    draft.phase("Waiting")
    draft.wait(LOOK_AGAIN_SECONDS)
    if draft.status.dataset is None:
        draft.condition(
            ConditionType.DATASET_VALID,
            None,
            Reason.OUTPUT_OCCUPIED,
            f"DPOJob {holder.name}, which writes to {holder.directory} too, is being deleted; this job "
            "goes on when it is gone.",
        )
    return False


def left_alone(draft: Draft) -> bool:
    """Whether the pods of a deleted job of the same name have ended, so that training may begin."""
    pods = draft.observed.former_pods
    if not pods:
        return True
    draft.phase("Waiting")
    draft.wait(LOOK_AGAIN_SECONDS)
    draft.condition(
        ConditionType.TRAINING,
        False,
        Reason.STARTING,
        f"Pod {', '.join(pods)} of an earlier DPOJob of this name still writes to the output directory; "
        "training begins when it has ended.",
    )
    return False
