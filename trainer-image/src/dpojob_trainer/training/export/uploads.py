"""Uploads of the finished model, with retries: all of it, or nothing that loads as a model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from dpojob_api.conditions import Reason
from dpojob_api.progress import Artifacts, Outcome
from dpojob_api.spec import S3
from dpojob_trainer.training.setup.errors import TrainingError, one_line
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.train_job import TrainJob

from . import output_directory
from .upload_errors import TransientError

log = logging.getLogger(__name__)
Result = TypeVar("Result")
TRIES = 8
FIRST_WAIT_SECONDS = 1.0
"""The wait before the second try; each further one is twice as long, up to LONGEST_WAIT_SECONDS."""
LONGEST_WAIT_SECONDS = 60.0


def upload(job: TrainJob, recorder: ProgressRecorder, outcome: Outcome) -> Iterator[Outcome]:
    """Upload to where the spec says, and yield the outcome with the addresses so far after each upload.

    Each finished upload is recorded in the model's lineage and not repeated. One that cannot be recorded, as
    on a full disk, is finished nevertheless, and the outcome's message says so. Raises TrainingError
    (PushFailed) where one fails.
    """
    output, done = job.spec.output, dict(output_directory.uploads(job.output))
    if output.push is not None and done.get("push") != output.push:
        from .hub_upload import upload_to_hub

        recorder.set_stage("Uploading")
        repo = output.push
        private = job.spec.training.arguments.get("hub_private_repo")
        address = _retry(
            lambda: upload_to_hub(job.output, repo, job.token, private=private),
            f"the hub ({repo})",
        )
        done["push"] = repo
        outcome = _record(job, outcome, done, "push", address)
        yield outcome
    if output.s3 is not None and done.get("s3") != _target(output.s3):
        from .s3_upload import upload_to_s3

        recorder.set_stage("Uploading")
        store = output.s3
        address = _retry(lambda: upload_to_s3(job.output, store), f"the bucket {store.bucket}")
        done["s3"] = _target(store)
        yield _record(job, outcome, done, "s3", address)


def check_before_training(job: TrainJob) -> None:
    """Raise TrainingError where the upload at the end is bound to fail: it needs an identity that the pod lacks."""
    if job.spec.output.s3 is not None and job.spec.output.s3.secret is None:
        from .s3_upload import require_identity

        require_identity()


def _target(store: S3) -> dict[str, Any]:
    return store.model_dump(include={"endpoint", "bucket", "prefix"})


def _record(
    job: TrainJob, outcome: Outcome, done: Mapping[str, Any], kind: str, address: str
) -> Outcome:
    artifacts = (outcome.artifacts or Artifacts()).model_copy(update={kind: address})
    outcome = outcome.model_copy(update={"artifacts": artifacts})
    try:
        output_directory.record_uploads(job.output, done, outcome)
    except OSError as error:
        log.warning("the upload to %s is not recorded", address, exc_info=True)
        message = (
            f"The upload to {address} is complete, but could not be recorded beside the model ({one_line(error)}): the "
            "same job run again repeats it."
        )
        outcome = outcome.model_copy(update={"message": f"{outcome.message} {message}".strip()})
    return outcome


def _retry(action: Callable[[], Result], target: str) -> Result:
    wait = FIRST_WAIT_SECONDS
    for tried in range(1, TRIES + 1):
        try:
            return action()
        except TransientError as error:
            log.warning("upload to %s, try %d of %d: %s", target, tried, TRIES, error)
            if tried == TRIES:
                raise TrainingError(
                    Reason.PUSH_FAILED,
                    f"{target} failed {TRIES} times, last with: {error}. The model is complete in "
                    "output.volume; upload it from there.",
                ) from error
        time.sleep(wait)
        wait = min(LONGEST_WAIT_SECONDS, 2 * wait)
    raise AssertionError("unreachable")
