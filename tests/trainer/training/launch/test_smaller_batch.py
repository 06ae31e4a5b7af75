"""An out-of-memory in one of several processes: all of them go on once with half the batch per GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.kit.training.containers import Container
from tests.kit.training.tiny_job import MakeJob, losses, metrics

from dpojob_trainer.training import run

ARGUMENTS = {"max_steps": 5, "save_steps": 2, "eval_strategy": "no"}


@pytest.mark.train
@pytest.mark.parametrize(
    ("sharded", "method"), [(False, "lora"), (True, "full")], ids=["copies", "sharded"]
)
def test_all_processes_go_on_with_half_the_batch_and_the_same_steps(
    make_job: MakeJob, tmp_path: Path, sharded: bool, method: str
) -> None:
    spec = {"training": {"arguments": ARGUMENTS, "batchSize": 4, "method": method}}
    alone = make_job(output="alone", spec=spec)
    plan = {"gpus": 2, "perDeviceBatchSize": 2, "gradientAccumulation": 1, "sharded": sharded}
    job = make_job(spec=spec, plan=plan)
    container = Container(job, tmp_path, module="tests.kit.training.full_gpu")
    assert run(alone).outcome == "Succeeded"
    assert container.wait() == 0, container.log()
    progress = container.termination_message()["progress"]
    notice = progress["notice"]
    assert "Out of memory at step 3 with 2 pairs per GPU" in notice
    assert "the checkpoint of step 2 with 1, and accumulates 2 times" in notice
    assert progress["resumedFrom"] == 2
    for rank in (0, 1):
        # A pair has two rows.
        assert (tmp_path / "scratch" / "outcomes" / f"{rank}.rows").read_text() == "2"
    assert losses(metrics(job)) == pytest.approx(losses(metrics(alone)), abs=2e-3)
    assert "Out of memory at step 3" in (job.output / "report.html").read_text()


@pytest.mark.train
def test_a_second_out_of_memory_of_several_processes_is_final(
    make_job: MakeJob, tmp_path: Path
) -> None:
    spec = {"training": {"arguments": ARGUMENTS, "batchSize": 16}}
    plan = {"gpus": 2, "perDeviceBatchSize": 8, "gradientAccumulation": 1}
    container = Container(
        make_job(spec=spec, plan=plan), tmp_path, module="tests.kit.training.full_gpu"
    )
    assert container.wait() == 11, container.log()
    message = container.termination_message()
    assert (message["outcome"], message["reason"]) == ("Failed", "OutOfMemory")
    for part in ("with 8 pairs per GPU at a time", "with 4, and accumulates 2", "not enough."):
        assert part in message["message"], message["message"]
