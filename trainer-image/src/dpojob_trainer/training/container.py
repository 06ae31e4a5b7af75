"""The training container: the job from the environment, the outcome to the termination log."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path

from dpojob_api.names import PROGRESS_PORT
from dpojob_api.progress import Outcome

from . import launch, termination
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
        if launch.wanted(job.plan, environ):
            outcome = launch.launch(job.plan, environ, job.scratch)
        else:
            outcome = _train(job, environ)
    log.info("%s, %s: %s", outcome.outcome, outcome.reason, outcome.message)
    if launch.ENV_RANK not in environ:
        termination.write(outcome)
    return exit_code(outcome.reason)


def _train(job: TrainJob, environ: Mapping[str, str]) -> Outcome:
    """In this process; of several, the first serves the progress and leaves the outcome."""
    first = environ.get(launch.ENV_RANK, "0") == "0"
    port = int(environ.get(ENV_PROGRESS_PORT, PROGRESS_PORT)) if first else None
    outcome = run(job, port=port)
    told = environ.get(launch.ENV_OUTCOME)
    if told and (first or outcome.outcome == "Failed"):
        # A failure of any process is worth more than the first one's "connection lost".
        with contextlib.suppress(FileExistsError), Path(told).open("xb") as out:
            out.write(termination.fit(outcome))
    return outcome
