"""The training container: the job from the environment, the outcome to the termination message."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import replace
from typing import NoReturn

from dpojob_api.conditions import Reason
from dpojob_api.constants import ExitCode
from dpojob_api.progress import Outcome
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.experiment_trackers import adopt_secret_variables
from dpojob_trainer.training.evaluation.pod_failures import WORK_DIRECTORY, FailedPods
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.setup.errors import TrainingError, exit_code
from dpojob_trainer.training.setup.signals import StopRequest
from dpojob_trainer.training.setup.train_job import TrainJob

from . import launcher
from .library_imports import hide_unused_packages
from .outcome_message import write_outcome
from .session import run
from .smaller_plan import halve_batch

log = logging.getLogger(__name__)


def train_container(environment: ContainerEnvironment) -> int:
    """Train the job that the environment describes and return the exit status."""
    try:
        job = TrainJob.from_environment(environment)
        adopt_secret_variables(job.spec, environment)
        # The processes that it starts belong to the same pod.
        outcome = (_run_counted if environment.rank is None else _run_or_launch)(job, environment)
    except TrainingError as error:
        outcome = Outcome(outcome="Failed", reason=error.reason, message=error.message)
    log.info("%s, %s: %s", outcome.outcome, outcome.reason, outcome.message)
    write_outcome(outcome, environment)
    if environment.rank is not None and outcome.outcome == "Failed":
        _exit_without_waiting(exit_code(outcome.reason))
    return exit_code(outcome.reason)


def _run_counted(job: TrainJob, environment: ContainerEnvironment) -> Outcome:
    """Train, counted among the failed pods as long as this one may end as those that the Job's backoffLimit counts."""
    try:
        if output_directory.conflict(job) is not None:
            # The run fails with this conflict. Nothing, not even a count of pods, is written to that directory.
            return _run_or_launch(job, environment)
    except OSError:
        return _run_or_launch(job, environment)
    pods = FailedPods(job.output / WORK_DIRECTORY, job.attempt)
    pods.start(environment.node_rank)
    try:
        outcome = _run_or_launch(job, environment)
    except (SystemExit, TrainingError) as error:
        if not isinstance(error, TrainingError) or exit_code(error.reason) != ExitCode.INVALID:
            pods.withdraw(environment.node_rank)
        raise
    if exit_code(outcome.reason) != ExitCode.INVALID:
        pods.withdraw(environment.node_rank)
    return outcome


def _exit_without_waiting(status: int) -> NoReturn:
    """End one of several processes at once: as Python ends, NCCL may wait for the others, which wait for this one."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run_or_launch(job: TrainJob, environment: ContainerEnvironment) -> Outcome:
    """Train in this process, or start the processes that train."""
    if not launcher.is_needed(job.plan, environment):
        return _run(job, environment)
    if not output_directory.is_complete(job):
        return launcher.launch(job, environment)
    # The set has finished and this node was restarted alone, perhaps for an upload: the other nodes
    # would not take part in a rendezvous.
    if environment.node_rank == 0:
        return _run(job, environment)
    return Outcome(outcome="Succeeded", reason=Reason.COMPLETED)


def _run(job: TrainJob, environment: ContainerEnvironment) -> Outcome:
    """Train in this process; of several, the first serves the progress."""
    notice = environment.smaller_batch_notice
    smaller = None if notice is None else halve_batch(job.plan)
    if smaller is not None:
        job = replace(job, plan=smaller)
    hide_unused_packages(job)
    port = environment.progress_port if environment.is_first_process else None
    stop = StopRequest()
    # To the end of the process: a signal between the outcome and its message would else end it without one.
    stop.listen()
    return run(job, port=port, notice=notice, stop=stop)
