"""The judge that spec.evaluation names."""

from __future__ import annotations

from pathlib import Path

from dpojob_api.spec import Judge as JudgeSpec
from dpojob_trainer.training.setup.train_job import TrainJob

from .endpoint import EndpointJudge
from .judge import Judge, JudgeError
from .program import ProgramJudge
from .reward_model import RewardModelJudge


def open_judge(job: TrainJob, spec: JudgeSpec, deadline: float, directory: Path) -> Judge:
    """Open the judge. Raises JudgeError or TrainingError where it cannot be found or cannot judge.

    `deadline` is when it must have judged, by `time.monotonic`; in `directory` it keeps what a later attempt
    continues with.
    """
    if spec.program is not None:
        return ProgramJudge(job.path(spec.program.volume), job.scratch, deadline)
    if spec.reward_model is not None:
        return RewardModelJudge.open(job, spec.reward_model, deadline)
    if spec.endpoint is not None:
        return EndpointJudge.open(job, spec.endpoint, deadline, directory)
    raise JudgeError("spec.evaluation.judge names no judge")
