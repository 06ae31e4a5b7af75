"""The training container: the job from the environment, the outcome to the termination log."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from dpojob_api.names import PROGRESS_PORT
from dpojob_api.progress import Outcome

from . import termination
from .failure import Failure, exit_code
from .job import TrainJob
from .run import run

log = logging.getLogger(__name__)
ENV_PROGRESS_PORT = "DPOJOB_PROGRESS_PORT"
"""Another port than PROGRESS_PORT, for runs beside each other on one machine."""


def train_container(environ: Mapping[str, str]) -> int:
    """Train what the environment says; gives the exit status."""
    try:
        job = TrainJob.from_environment(environ)
    except Failure as failure:
        outcome = Outcome(outcome="Failed", reason=failure.reason, message=failure.message)
    else:
        outcome = run(job, port=int(environ.get(ENV_PROGRESS_PORT, PROGRESS_PORT)))
    log.info("%s, %s: %s", outcome.outcome, outcome.reason, outcome.message)
    if int(os.environ.get("RANK", "0")) == 0:
        termination.write(outcome)
    return exit_code(outcome.reason)
