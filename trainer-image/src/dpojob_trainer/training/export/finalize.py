"""From a trained model to the finished output: saved aside, described, moved in whole, uploaded."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
from pathlib import Path

from dpojob_api import constants
from dpojob_api.conditions import Reason
from dpojob_api.progress import Artifacts, Outcome
from dpojob_trainer.training.loop.progress import Tracker
from dpojob_trainer.training.loop.trainer import Trained
from dpojob_trainer.training.setup import tracker_setup
from dpojob_trainer.training.setup.signals import Stop
from dpojob_trainer.training.setup.train_job import TrainJob

from . import model_writer, output_directory
from .run_documents import Description, describe

log = logging.getLogger(__name__)


def finish(job: TrainJob, tracker: Tracker, stop: Stop, trained: Trained) -> Outcome:
    """Put the model in place and give the last word. Raises what goes wrong."""
    tracker.stage("Saving")
    args = trained.trainer.args
    if args.process_index == 0:
        output_directory.staging(job.output)
    trained.trainer.accelerator.wait_for_everyone()
    aside = job.output / output_directory.STAGING
    loaded = trained.loaded
    kind = model_writer.save(
        trained.trainer, loaded.tokenizer, trained.start, aside, job, loaded.notes
    )
    if args.process_index != 0:
        # A node that had ended could not be asked back, should the first one fail before the end.
        trained.trainer.accelerator.wait_for_everyone()
        return Outcome(outcome="Succeeded", reason=Reason.COMPLETED)
    artifacts = _artifacts(job, kind, output_directory.weights_hash(aside))
    description = describe(job, trained, tracker.read(), artifacts)
    _write_texts(job, aside, description)
    tracker_setup.keep(job, aside)
    outcome = Outcome(
        outcome="Succeeded",
        reason=Reason.COMPLETED,
        message=description.sentence,
        progress=tracker.read().model_copy(update={"stage": "Done"}),
        artifacts=artifacts,
        samples=trained.samples.pairs(),
    )
    with stop.defer():
        output_directory.record(aside, job, outcome)
        output_directory.publish(job.output)
    with contextlib.suppress(RuntimeError):  # Whoever is lost now, the model is in place.
        trained.trainer.accelerator.wait_for_everyone()
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


def _write_texts(job: TrainJob, aside: Path, description: Description) -> None:
    (aside / constants.FILE_MODEL_CARD).write_text(description.card, encoding="utf-8")
    (aside / constants.FILE_REPORT).write_text(description.report, encoding="utf-8")
    with (aside / constants.FILE_METRICS).open("w", encoding="utf-8") as out:
        for record in description.metrics:
            out.write(json.dumps(record) + "\n")
    inspection = job.output / constants.FILE_INSPECTION
    if inspection.is_file():
        shutil.copyfile(inspection, aside / constants.FILE_INSPECTION)
    else:
        (aside / constants.FILE_INSPECTION).write_text(job.report.wire_json(), encoding="utf-8")
