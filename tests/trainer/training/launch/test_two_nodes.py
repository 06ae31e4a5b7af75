"""Two pods of one process each, with the environment their Job gives them, on the loopback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.kit.ports import free_port
from tests.kit.training.containers import Container
from tests.kit.training.tiny_job import EVEN, MakeJob, losses, metrics

from dpojob_trainer.training import TrainJob, run

pytestmark = pytest.mark.train
TOLERANCE = 2e-3
SPEC: dict[str, Any] = {"training": {"epochs": 6, "learningRate": 1e-4}, "dataset": EVEN}
PLAN: dict[str, Any] = {
    "gpus": 2, "nodes": 2, "perDeviceBatchSize": 1, "gradientAccumulation": 2,
}  # fmt: skip


def pods(job: TrainJob, root: Path) -> tuple[Container, Container]:
    """The pods of one set. The first one's comes last, as it may."""
    port = str(free_port())

    def pod(index: int) -> Container:
        variables = {
            "JOB_COMPLETION_INDEX": str(index), "MASTER_ADDR": "localhost", "MASTER_PORT": port,
        }  # fmt: skip
        return Container(job, root / f"{port}-{index}", variables)

    other = pod(1)
    return pod(0), other


def past(step: int, field: str = "step") -> Callable[[dict[str, Any]], bool]:
    return lambda progress: progress.get(field, 0) >= step


def test_two_pods_lose_a_worker_and_still_give_the_curve_of_one_process(
    make_job: MakeJob, even: Path, tmp_path: Path
) -> None:
    volumes = {"even": even}
    alone = make_job(output="alone", spec=SPEC, volumes=volumes)
    assert run(alone).outcome == "Succeeded"
    job = make_job(spec=SPEC, plan=PLAN, volumes=volumes)

    first, other = pods(job, tmp_path)
    first.until(past(1, "checkpointStep"))
    other.kill()  # As its node would.
    assert first.wait() == 12, first.log()
    message = first.termination_message()
    assert (message["outcome"], message["reason"]) == ("Interrupted", "Stopped")
    assert "Another process of the set was lost" in message["message"]
    kept = message["progress"]["checkpointStep"]

    first, other = pods(job, tmp_path)
    first.until(past(kept + 3))
    other.terminate()  # As when its pod is deleted.
    assert (first.wait(), other.wait()) == (12, 12), first.log() + other.log()
    messages = [pod.termination_message()["progress"] for pod in (first, other)]
    assert messages[0]["resumedFrom"] == messages[1]["resumedFrom"] == kept
    stopped = messages[0]["checkpointStep"]
    assert messages[0]["step"] == messages[1]["step"] == stopped > kept

    first, other = pods(job, tmp_path)
    assert (first.wait(), other.wait()) == (0, 0), first.log() + other.log()
    message = first.termination_message()
    assert (message["outcome"], message["progress"]["resumedFrom"]) == ("Succeeded", stopped)
    assert other.termination_message()["outcome"] == "Succeeded"
    assert losses(metrics(job)) == pytest.approx(losses(metrics(alone)), abs=TOLERANCE)

    # A pod that starts again after the job is done sees that by itself: it ends without waiting for the other pod.
    for pod in pods(job, tmp_path):
        assert pod.wait() == 0, pod.log()
