"""The libraries that train, in a process that trains one job: imported in less time, and silent at its end.

Their imports are most of the time until the first step of a small model. peft imports bitsandbytes and TRL imports wandb wherever they are installed; together that is more than a quarter
of it: `bench/train/first_step.py`.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dpojob_trainer.shared.experiment_trackers import requested_trackers
from dpojob_trainer.training.setup.train_job import TrainJob

NOT_NEEDED = ("boto3", "scipy")
"""Packages that accelerate and transformers import wherever they are installed, for what no DPO training does: starting
jobs on SageMaker, and losses of object detection."""


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


def discard_output_at_exit() -> None:
    """Discard what is printed on standard error while the interpreter ends.

    Triton's binding code lists the objects that torch keeps until then as leaked, in dozens of lines. They would be
    the last lines of every training's log, and the last that a user sees of a training on the own machine.
    """
    # Functions registered first run last, so those of libraries that are imported later can still print.
    atexit.register(_discard_standard_error)


def _discard_standard_error() -> None:
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


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


@contextmanager
def quick_imports() -> Iterator[None]:
    """Inside the block, import libraries without the packages in NOT_NEEDED and without garbage collections.

    Those packages can be imported after the block: uploads to S3 and confidence intervals need them. What was
    imported lives as long as the process, so later collections leave it out.
    """
    before = len(sys.modules)
    hidden = [package for package in NOT_NEEDED if package not in sys.modules]
    collects = gc.isenabled()
    gc.disable()
    for package in hidden:
        # Python takes None for a module that cannot be imported.
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]
        if len(sys.modules) > before:
            gc.freeze()
        if collects:
            gc.enable()
