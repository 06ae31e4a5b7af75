"""Uploads of the finished directory: the whole of it, or nothing that looks like a model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from dpojob_api.conditions import Reason
from dpojob_api.progress import Artifacts, Outcome
from dpojob_api.spec import S3
from dpojob_trainer.training.loop.progress import Tracker
from dpojob_trainer.training.setup.errors import Failure
from dpojob_trainer.training.setup.train_job import TrainJob

from . import output_directory

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
    wanted, done = job.spec.output, output_directory.uploaded(job.output)
    if wanted.push is not None and done.get("push") != wanted.push:
        from . import hub_upload

        tracker.stage("Uploading")
        place = wanted.push
        private = job.spec.training.arguments.get("hub_private_repo")
        address = _insist(
            lambda: hub_upload.push(job.output, place, job.token, private=private),
            f"the hub ({place})",
        )
        outcome = _record(job, outcome, "push", place, address)
    if wanted.s3 is not None and done.get("s3") != _place(wanted.s3):
        from . import s3_upload

        tracker.stage("Uploading")
        store = wanted.s3
        address = _insist(lambda: s3_upload.put(job.output, store), f"the bucket {store.bucket}")
        outcome = _record(job, outcome, "s3", _place(store), address)
    return outcome


def _place(store: S3) -> dict[str, Any]:
    return store.model_dump(include={"endpoint", "bucket", "prefix"})


def _record(job: TrainJob, outcome: Outcome, kind: str, place: Any, address: str) -> Outcome:
    artifacts = (outcome.artifacts or Artifacts()).model_copy(update={kind: address})
    outcome = outcome.model_copy(update={"artifacts": artifacts})
    output_directory.record_upload(job.output, {kind: place}, outcome)
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
