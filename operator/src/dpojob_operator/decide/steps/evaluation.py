"""Rules: whether the evaluation that is asked for may be made, before a GPU is asked for."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_api.evaluation import Evaluation
from dpojob_api.report import ProblemCode
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
        Always True: the model is trained all the same.
    """
    dataset = builder.status.dataset
    if dataset is None or builder.status.evaluation is not None:
        return True
    for problem in dataset.problems:
        if problem.code == ProblemCode.UNUSABLE_PROMPTS:
            builder.set_improved(Evaluation(message=f"{problem.message} Training goes on."))
    return True
