"""The container as the cluster runs it: its own process, several processes, signals, last word."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dpojob_trainer.training import TrainJob, checkpoints

from .conftest import MakeJob, losses, metrics

pytestmark = pytest.mark.train
Environment = Callable[[TrainJob, Path], dict[str, str]]


def start(environment: dict[str, str], root: Path) -> subprocess.Popen[bytes]:
    log = (root / "log").open("wb")
    command = [sys.executable, "-m", "dpojob_trainer", "train"]
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def last_word(root: Path) -> Any:
    return json.loads((root / "termination-log").read_text())


def several(gpus: int, **more: Any) -> dict[str, Any]:
    return {"gpus": gpus, "perDeviceBatchSize": 1, "gradientAccumulation": 4 // gpus, **more}


def test_any_number_of_processes_gives_the_same_curve(
    make_job: MakeJob, environment: Environment, tmp_path: Path
) -> None:
    curves = {}
    for name, plan in {
        "one": several(1), "two": several(2), "four": several(4), "sharded": several(2, sharded=True),
    }.items():  # fmt: skip
        job = make_job(output=name, plan=plan, spec={"training": {"epochs": 0.5}})
        root = tmp_path / name
        root.mkdir()
        status = start(environment(job, root), root).wait(timeout=600)
        assert status == 0, (root / "log").read_text()[-3000:]
        assert last_word(root)["outcome"] == "Succeeded"
        curves[name] = losses(metrics(job))
    for name in ("two", "four", "sharded"):
        assert curves[name] == pytest.approx(curves["one"], abs=2e-3), name


@pytest.mark.parametrize("gpus", [1, 2])
def test_sigterm_ends_with_a_checkpoint_and_its_own_status(
    make_job: MakeJob, environment: Environment, tmp_path: Path, gpus: int
) -> None:
    job = make_job(plan=several(gpus), spec={"training": {"epochs": 60}})
    variables = environment(job, tmp_path)
    port = 18470 + gpus
    process = start(variables | {"DPOJOB_PROGRESS_PORT": str(port)}, tmp_path)
    wait_for_step(port, 3)
    figures = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    assert "dpojob_train_step" in figures and 'name="rewards/margins"' in figures
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=300) == 12, (tmp_path / "log").read_text()[-3000:]
    word = last_word(tmp_path)
    assert (word["outcome"], word["reason"]) == ("Interrupted", "Stopped")
    kept = checkpoints.newest(job.checkpoints, job.key)
    assert kept is not None and checkpoints.step_of(kept) == word["progress"]["step"]
    assert not (job.output / "config.json").exists()


def wait_for_step(port: int, step: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/progress", timeout=10) as answer:
                if json.load(answer).get("step", 0) >= step:
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError("no step was made in five minutes")


def test_an_unreadable_manifest_is_a_user_error(tmp_path: Path, make_job: MakeJob,
                                                environment: Environment) -> None:  # fmt: skip
    variables = environment(make_job(), tmp_path)
    variables["DPOJOB_PLAN"] = "{}"
    assert start(variables, tmp_path).wait(timeout=120) == 10
    assert last_word(tmp_path)["reason"] == "InvalidSpec"
