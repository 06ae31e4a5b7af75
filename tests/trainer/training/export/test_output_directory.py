"""The finished model is moved in whole, over nothing that is not the trainer's own."""

from __future__ import annotations

import pytest
from tests.kit.training.tiny_job import MakeJob

from dpojob_api.progress import Artifacts, Outcome
from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.setup.errors import TrainingError

DONE = Outcome(outcome="Succeeded", reason="Completed", artifacts=Artifacts(kind="model"))


def staged(job: TrainJob) -> None:
    """A model that waits in staging."""
    staging = output_directory.make_staging(job.output)
    for name in ("config.json", "model.safetensors", "README.md", "wandb/run/log"):
        (staging / name).parent.mkdir(parents=True, exist_ok=True)
        (staging / name).write_text("the model's")
    output_directory.write_lineage(staging, job, DONE)


def test_the_users_files_in_the_directory_stay_and_are_no_part_of_the_model(
    make_job: MakeJob,
) -> None:
    job = make_job()
    job.output.mkdir(parents=True)
    (job.output / "notes.txt").write_text("mine")
    staged(job)
    output_directory.publish(job.output)
    assert (job.output / "notes.txt").read_text() == "mine"
    names = [str(path.relative_to(job.output)) for path in output_directory.model_files(job.output)]
    assert names == ["README.md", "model.safetensors", "wandb/run/log", "config.json"]


def test_a_directory_with_the_users_own_card_is_refused_before_anything_is_loaded(
    make_job: MakeJob,
) -> None:
    job = make_job()
    job.output.mkdir(parents=True)
    (job.output / "README.md").write_text("mine")
    failed = run(job)
    assert (failed.outcome, failed.reason) == ("Failed", "OutputOccupied")
    assert "README.md" in failed.message
    assert (job.output / "README.md").read_text() == "mine"


def test_what_came_there_during_the_training_is_not_replaced(make_job: MakeJob) -> None:
    job = make_job()
    assert output_directory.prepare(job) is None
    (job.output / "wandb").mkdir()
    (job.output / "wandb" / "log").write_text("mine")
    staged(job)
    with pytest.raises(TrainingError, match="wandb") as caught:
        output_directory.publish(job.output)
    assert caught.value.reason == "OutputOccupied"
    assert (job.output / "wandb" / "log").read_text() == "mine"
    assert not (job.output / "config.json").exists()


def test_a_publication_that_was_cut_short_is_done_again(make_job: MakeJob) -> None:
    job = make_job()
    staged(job)
    output_directory.publish(job.output)
    (job.output / "config.json").unlink()  # As if it had been killed before its last move.
    assert output_directory.prepare(job) is None
    assert not list(job.output.iterdir())
    staged(job)
    output_directory.publish(job.output)
    assert output_directory.is_complete(job)


def test_a_finished_adapter_is_not_taken_for_the_merged_model_requested_later(
    make_job: MakeJob,
) -> None:
    lora = {"training": {"method": "lora"}}
    job = make_job(spec=lora)
    staging = output_directory.make_staging(job.output)
    (staging / "adapter_config.json").write_text("{}")
    output_directory.write_lineage(
        staging, job, DONE.model_copy(update={"artifacts": Artifacts(kind="adapter")})
    )
    output_directory.publish(job.output)
    assert run(job).outcome == "Succeeded"
    failed = run(make_job(spec={**lora, "output": {"merge": True}}))
    assert (failed.outcome, failed.reason) == ("Failed", "OutputOccupied")
    assert "output.merge" in failed.message


def test_an_adapter_kept_where_a_merge_was_asked_for_is_still_this_jobs_own(
    make_job: MakeJob,
) -> None:
    job = make_job(spec={"training": {"method": "lora"}, "output": {"merge": True}})
    staging = output_directory.make_staging(job.output)
    (staging / "adapter_config.json").write_text("{}")
    output_directory.write_lineage(
        staging, job, DONE.model_copy(update={"artifacts": Artifacts(kind="adapter")})
    )
    output_directory.publish(job.output)
    assert run(job).outcome == "Succeeded", "an attempt that only has to upload"
