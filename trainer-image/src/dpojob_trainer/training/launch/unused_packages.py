"""Packages of the image that a job does not use, which its libraries would import nevertheless.

peft imports bitsandbytes and TRL imports wandb wherever they are installed; together that is more than a quarter
of the time until the first step of a small model: `bench/train/first_step.py`.
"""

from __future__ import annotations

import sys

from dpojob_trainer.shared.experiment_trackers import requested_trackers
from dpojob_trainer.training.setup.train_job import TrainJob


def hide_unused_packages(job: TrainJob) -> None:
    """Have imports of packages that `job` does not use fail, as if they were not installed.

    Python takes None in `sys.modules` for a module that cannot be imported. It lasts as long as the process, so
    this is for a process that trains one job.
    """
    unused = {"wandb": "wandb" not in requested_trackers(job.spec)}
    unused["bitsandbytes"] = not _may_use_bitsandbytes(job)
    for package, hidden in unused.items():
        if hidden and package not in sys.modules:
            sys.modules[package] = None  # type: ignore[assignment]


def _may_use_bitsandbytes(job: TrainJob) -> bool:
    """Whether weights or the optimizer of the job, or the model that judges it, may be of bitsandbytes."""
    facts = job.report.model
    return (
        job.plan.method == "qlora"
        or job.plan.optimizer != "adamw"
        or "optim" in job.spec.training.arguments
        or "model_init_kwargs" in job.spec.training.arguments
        or (facts is not None and facts.quantization is not None)
        or job.spec.evaluation is not None
    )
