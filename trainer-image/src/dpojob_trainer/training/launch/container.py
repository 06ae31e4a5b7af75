"""The training container: the job from the environment, the outcome to the termination log."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from dpojob_api.conditions import Reason
from dpojob_api.constants import PROGRESS_PORT
from dpojob_api.progress import Outcome
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.setup.errors import Failure, exit_code
from dpojob_trainer.training.setup.train_job import TrainJob

from . import launcher, outcome_truncation
from .session import run

log = logging.getLogger(__name__)
ENV_PROGRESS_PORT = "DPOJOB_PROGRESS_PORT"
"""Another port than PROGRESS_PORT, for runs beside each other on one machine."""


def train_container(environ: Mapping[str, str]) -> int:
    """Train what the environment says; gives the exit status."""
    try:
        outcome = _conduct(TrainJob.from_environment(environ), environ)
    except Failure as failure:
        outcome = Outcome(outcome="Failed", reason=failure.reason, message=failure.message)
    log.info("%s, %s: %s", outcome.outcome, outcome.reason, outcome.message)
    if launcher.ENV_RANK in environ:
        launcher.leave(outcome, environ)
    else:
        outcome_truncation.write(outcome)
    return exit_code(outcome.reason)


def _conduct(job: TrainJob, environ: Mapping[str, str]) -> Outcome:
    """Train here, or start the processes that do."""
    if not launcher.wanted(job.plan, environ):
        return _train(job, environ)
    if not output_directory.complete(job):
        return launcher.launch(job, environ)
    # The set has ended and this node is back alone, perhaps for an upload: nobody else would come.
    if launcher.node(environ) == 0:
        return _train(job, environ)
    return Outcome(outcome="Succeeded", reason=Reason.COMPLETED)


def _train(job: TrainJob, environ: Mapping[str, str]) -> Outcome:
    """In this process; of several, the first serves the progress."""
    first = environ.get(launcher.ENV_RANK, "0") == "0"
    return run(job, port=int(environ.get(ENV_PROGRESS_PORT, PROGRESS_PORT)) if first else None)
