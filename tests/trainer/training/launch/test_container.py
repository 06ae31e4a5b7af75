"""The container as the cluster runs it: one process, several processes, signals, the termination message."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.kit.training.containers import Container
from tests.kit.training.tiny_job import MakeJob, losses, metrics

from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.loop import checkpoints

pytestmark = pytest.mark.train


# Two plain processes are test_two_nodes.py, sharded ones training/sharding/test_sharding.py.
def test_several_processes_give_the_curve_and_the_model_of_one(
    make_job: MakeJob, tmp_path: Path
) -> None:
    spec = {"training": {"epochs": 0.5}}
    alone = make_job(output="alone", spec=spec)
    job = make_job(plan={"gpus": 4, "perDeviceBatchSize": 1, "gradientAccumulation": 1}, spec=spec)
    container = Container(job, tmp_path)
    assert run(alone).outcome == "Succeeded"
    assert container.wait() == 0, container.log()
    assert container.termination_message()["outcome"] == "Succeeded"
    assert losses(metrics(job)) == pytest.approx(losses(metrics(alone)), abs=2e-3)
    ours, wanted = weights(job), weights(alone)
    assert ours.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(ours[name], tensor, atol=2e-3, rtol=0.0)


def weights(job: TrainJob) -> dict[str, torch.Tensor]:
    (file,) = job.output.glob("*.safetensors")
    return load_file(file)


def test_sigterm_ends_with_a_checkpoint_and_its_own_status(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job(spec={"training": {"epochs": 60}})
    container = Container(job, tmp_path)
    container.until(lambda progress: progress.get("step", 0) >= 3)
    figures = container.get("/metrics")
    assert "dpojob_training_step" in figures and 'name="rewards/margins"' in figures
    container.terminate()
    assert container.wait() == 12, container.log()
    message = container.termination_message()
    assert (message["outcome"], message["reason"]) == ("Interrupted", "Stopped")
    kept = checkpoints.latest(job.checkpoints, job.key)
    assert kept is not None and checkpoints.step_of(kept) == message["progress"]["step"]
    assert not (job.output / "config.json").exists()
    assert "nanobind" not in container.log(), "the log ends with what libraries print at their end"


def test_an_unreadable_manifest_is_a_user_error(tmp_path: Path, make_job: MakeJob) -> None:
    container = Container(make_job(), tmp_path, inputs={"plan.json": {}})
    assert container.wait() == 10
    assert container.termination_message()["reason"] == "InvalidSpec"


def test_a_signal_after_the_run_failed_leaves_its_outcome(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job()
    job.output.mkdir(parents=True)
    (job.output / "config.json").write_text("{}")  # Another model.
    container = Container(job, tmp_path, module="tests.kit.training.late_signal")
    assert container.wait() == 10, container.log()
    message = container.termination_message()
    assert (message["outcome"], message["reason"]) == ("Failed", "OutputOccupied")
