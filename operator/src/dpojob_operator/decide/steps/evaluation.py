"""Steps: whether an evaluation may be made, before a GPU is asked for, and what its loss means for the job."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_api.evaluation import Evaluation, JudgeUsage
from dpojob_api.report import ProblemCode
from dpojob_operator.decide.cost import update_cost
from dpojob_operator.decide.object_snapshots import JobSnapshot
from dpojob_operator.decide.status_builder import StatusBuilder


def check_judge(builder: StatusBuilder) -> bool:
    """Fail where the judge is a program and the installation allows none.

    Args:
        builder: The status under construction.

    Returns:
        Whether the job goes on.
    """
    spec = builder.job.spec.evaluation
    judge = spec.judge if spec is not None else None
    if judge is None or judge.program is None or builder.policy.allow_judge_programs:
        return True
    builder.fail(
        Reason.JUDGE_NOT_ALLOWED,
        "This installation runs no judge programs (chart value evaluation.allowPrograms). Use "
        "evaluation.judge.rewardModel, then create this DPOJob again.",
    )
    return False


def check_prompts(builder: StatusBuilder) -> bool:
    """Report in Improved that there are too few held-out prompts for a verdict.

    The verdict of a finished evaluation takes the place of this report.

    Args:
        builder: The status under construction, with the inspected dataset.

    Returns:
        Always True: the model is trained anyway.
    """
    dataset = builder.status.dataset
    if dataset is None or builder.status.evaluation is not None:
        return True
    for problem in dataset.problems:
        if problem.code == ProblemCode.UNUSABLE_PROMPTS:
            builder.set_improved(Evaluation(message=f"{problem.message} Training goes on."))
    return True


def record_lost_evaluation(
    builder: StatusBuilder,
    job: JobSnapshot,
    locations: str,
    *,
    out_of_memory: bool,
    usage: JudgeUsage | None,
) -> None:
    """End the DPOJob whose last pod ended after training, so that no pod goes on with what was left.

    It is complete where the model is on a claim and nothing was to be uploaded: no upload is asked for, or
    `evaluation.require`, which forbids it without a verdict. Else it fails.

    Args:
        builder: The status under construction, with what the pod reported: artifacts, and the evaluation where it
            was over.
        job: The Job of the newest attempt, which is failed.
        locations: A sentence on where the model lies.
        out_of_memory: Whether the container ran out of main memory.
        usage: What a judge behind an API was asked by an evaluation that was not over.
    """
    cause = "ran out of main memory" if out_of_memory else "was killed"
    ended = f"The training container {cause} after training, and no retry was left"
    builder.set_training(False, Reason.STOPPED)
    artifacts, spec = builder.status.artifacts, builder.job.spec
    rest = "; the model was on no claim."
    if artifacts is not None and artifacts.claim_name is not None:
        evaluated = builder.status.evaluation is not None
        if not evaluated:
            _set_not_evaluated(
                builder, f"{ended} for the evaluation", out_of_memory=out_of_memory, usage=usage
            )
            update_cost(builder)
        uploads = spec.output.push is not None or spec.output.s3 is not None
        required = spec.evaluation is not None and spec.evaluation.require is not None
        if not uploads or (required and not evaluated):
            unmet = "Nothing was uploaded, since evaluation.require is not met. " if uploads else ""
            builder.complete(Reason.COMPLETED, f"The model is trained. {unmet}{locations}")
            return
        left = "the uploads" if evaluated else "the evaluation and the uploads"
        rest = f" for {left}. {locations}"
    reason = Reason.OUT_OF_MEMORY if out_of_memory else Reason.TRAINING_FAILED
    if job.failure_reason == "BackoffLimitExceeded":
        reason = Reason.BACKOFF_LIMIT_EXCEEDED
    builder.fail(reason, ended + rest)


def _set_not_evaluated(
    builder: StatusBuilder, ended: str, *, out_of_memory: bool, usage: JudgeUsage | None
) -> None:
    advice = "evaluate alone with `dpojob evaluate`"
    if out_of_memory:
        advice = f"raise the installation's limit for training pods (chart value train.resources), or {advice}"
    message = f"{ended}: {advice}."
    if builder.job.spec.evaluation is None:
        builder.status.evaluation = Evaluation(note=message)
        return
    builder.status.evaluation = Evaluation(
        verdict=Reason.NOT_EVALUATED, message=message, judge_usage=usage
    )
    builder.set_improved(builder.status.evaluation)
