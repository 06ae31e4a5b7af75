"""Uploads of the finished directory: the whole of it, or nothing that looks like a model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dpojob_api.conditions import Reason
from dpojob_api.progress import Outcome

from . import output
from .failure import Failure
from .job import TrainJob
from .tracker import Tracker

log = logging.getLogger(__name__)
Done = TypeVar("Done")
TRIES = 8
FIRST_WAIT = 1.0
"""Seconds before the second try; each further wait is twice as long, up to LONGEST_WAIT."""
LONGEST_WAIT = 60.0


class Passing(Exception):
    """An upload failed in a way that may be over when tried again."""


def upload(job: TrainJob, tracker: Tracker, outcome: Outcome) -> Outcome:
    """Upload to where the spec says; gives the outcome with the addresses, recorded with the model.

    Raises Failure with PushFailed; what was uploaded before is recorded and not uploaded again.
    """
    wanted, artifacts = job.spec.output, outcome.artifacts
    if artifacts is None:
        return outcome
    if wanted.push is not None and artifacts.push is None:
        from . import hub

        tracker.stage("Uploading")
        place = wanted.push
        address = _insist(lambda: hub.push(job.output, place, job.token), f"the hub ({place})")
        artifacts = artifacts.model_copy(update={"push": address})
        outcome = _record(job, outcome.model_copy(update={"artifacts": artifacts}))
    if wanted.s3 is not None and artifacts.s3 is None:
        from . import s3

        tracker.stage("Uploading")
        store = wanted.s3
        address = _insist(lambda: s3.put(job.output, store), f"the bucket {store.bucket}")
        artifacts = artifacts.model_copy(update={"s3": address})
        outcome = _record(job, outcome.model_copy(update={"artifacts": artifacts}))
    return outcome


def files(directory: Path) -> list[Path]:
    """What is uploaded: the model and its papers, what makes it loadable last."""
    found = [
        path
        for path in directory.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(directory).parts)
        and path.name != output.LINEAGE
    ]
    return sorted(found, key=lambda path: (path.name in output.LAST, str(path)))


def _record(job: TrainJob, outcome: Outcome) -> Outcome:
    output.record(job.output, job, outcome)
    return outcome


def _insist(action: Callable[[], Done], where: str) -> Done:
    wait = FIRST_WAIT
    for attempt in range(1, TRIES + 1):
        try:
            return action()
        except Passing as error:
            log.warning("upload to %s, try %d of %d: %s", where, attempt, TRIES, error)
            if attempt == TRIES:
                raise Failure(
                    Reason.PUSH_FAILED,
                    f"{where} failed {TRIES} times, last with: {error}. The model is complete in "
                    "output.volume; upload it from there.",
                ) from error
        time.sleep(wait)
        wait = min(LONGEST_WAIT, 2 * wait)
    raise AssertionError("unreachable")
