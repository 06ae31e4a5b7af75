"""The container as the cluster runs it: its own process, several processes, signals, last word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dpojob_trainer.training import checkpoints, run

from .conftest import MakeJob, losses, metrics
from .containers import Container

pytestmark = pytest.mark.train


def several(gpus: int, **more: Any) -> dict[str, Any]:
    return {"gpus": gpus, "perDeviceBatchSize": 1, "gradientAccumulation": 4 // gpus, **more}


@pytest.mark.parametrize(
    "plan",
    [
        several(4),
        # Two plain processes are test_two_nodes.py.
        several(2, sharded=True),
        several(2, precomputeReference=True),
    ],
    ids=["four", "sharded", "precomputed"],
)
def test_any_number_of_processes_gives_the_same_curve(
    make_job: MakeJob, tmp_path: Path, plan: dict[str, Any]
) -> None:
    spec = {"training": {"epochs": 0.5}}
    alone, job = make_job(output="alone", spec=spec), make_job(plan=plan, spec=spec)
    container = Container(job, tmp_path)
    assert run(alone).outcome == "Succeeded"
    assert container.wait() == 0, container.log()
    assert container.last_word()["outcome"] == "Succeeded"
    assert losses(metrics(job)) == pytest.approx(losses(metrics(alone)), abs=2e-3)


def test_sigterm_ends_with_a_checkpoint_and_its_own_status(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job(spec={"training": {"epochs": 60}})
    container = Container(job, tmp_path)
    container.until(lambda progress: progress.get("step", 0) >= 3)
    figures = container.get("/metrics")
    assert "dpojob_train_step" in figures and 'name="rewards/margins"' in figures
    container.terminate()
    assert container.wait() == 12, container.log()
    word = container.last_word()
    assert (word["outcome"], word["reason"]) == ("Interrupted", "Stopped")
    kept = checkpoints.newest(job.checkpoints, job.key)
    assert kept is not None and checkpoints.step_of(kept) == word["progress"]["step"]
    assert not (job.output / "config.json").exists()


def test_an_unreadable_manifest_is_a_user_error(tmp_path: Path, make_job: MakeJob) -> None:
    container = Container(make_job(), tmp_path, {"DPOJOB_PLAN": "{}"})
    assert container.wait() == 10
    assert container.last_word()["reason"] == "InvalidSpec"
