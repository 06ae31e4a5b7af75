"""From a trained model to the finished output: staged with its documents, then moved into place."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from pathlib import Path

from dpojob_api import constants
from dpojob_api.conditions import Reason
from dpojob_api.progress import Artifacts, Outcome
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.signals import StopRequest
from dpojob_trainer.training.setup.tracker_setup import copy_tracker_files
from dpojob_trainer.training.setup.train_job import TrainJob
from dpojob_trainer.training.setup.training_result import TrainingResult

from . import model_writer, output_directory
from .run_documents import RunDocuments, render_documents

log = logging.getLogger(__name__)


def finalize(
    job: TrainJob, recorder: ProgressRecorder, stop: StopRequest, result: TrainingResult
) -> Outcome:
    """Put the finished model into the output directory and return the outcome. Raises any error."""
    recorder.set_stage("Saving")
    args = result.trainer.args
    if args.process_index == 0:
        output_directory.make_staging(job.output)
    result.trainer.accelerator.wait_for_everyone()
    staging = job.output / output_directory.STAGING
    loaded = result.loaded
    kind = model_writer.write_model(
        result.trainer, loaded.tokenizer, result.start, staging, job, loaded.notes
    )
    if args.process_index != 0:
        # All processes end together: a node that had succeeded would not be started again if the first
        # one failed before the end.
        result.trainer.accelerator.wait_for_everyone()
        return Outcome(outcome="Succeeded", reason=Reason.COMPLETED)
    artifacts = _artifacts(job, kind, output_directory.weights_hash(staging))
    documents = render_documents(job, result, recorder.read(), artifacts)
    _write_documents(job, staging, documents)
    copy_tracker_files(job, staging)
    outcome = Outcome(
        outcome="Succeeded",
        reason=Reason.COMPLETED,
        message=documents.summary,
        progress=recorder.read().model_copy(update={"stage": "Done"}),
        artifacts=artifacts,
        samples=result.samples,
    )
    with stop.defer():
        output_directory.write_lineage(staging, job, outcome)
        output_directory.publish(job.output)
    with contextlib.suppress(
        RuntimeError
    ):  # If a process is lost now, the model is still complete.
        result.trainer.accelerator.wait_for_everyone()
    log.info("the %s is complete in %s", kind, job.output)
    return outcome


def _artifacts(job: TrainJob, kind: str, weights: str) -> Artifacts:
    volume = job.spec.output.volume
    path = None if volume is None else volume.path
    return Artifacts(
        claim_name=None if volume is None else volume.claim_name,
        path=path,
        report=None if path is None else str(Path(path) / constants.FILE_REPORT),
        kind=kind,
        max_length=job.plan.max_length,
        model_hash=weights,
    )


def _write_documents(job: TrainJob, staging: Path, documents: RunDocuments) -> None:
    (staging / constants.FILE_MODEL_CARD).write_text(documents.model_card, encoding="utf-8")
    (staging / constants.FILE_REPORT).write_text(documents.report, encoding="utf-8")
    with (staging / constants.FILE_METRICS).open("w", encoding="utf-8") as out:
        for record in documents.metrics:
            out.write(json.dumps(record) + "\n")
    inspection = job.output / constants.FILE_INSPECTION
    if inspection.is_file():
        shutil.copyfile(inspection, staging / constants.FILE_INSPECTION)
    else:
        (staging / constants.FILE_INSPECTION).write_text(job.report.wire_json(), encoding="utf-8")
