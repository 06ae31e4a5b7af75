"""Stopped, damaged, killed or out of room: the run goes on exactly where it was, or says why not."""

from __future__ import annotations

import math
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kit.training.termination import terminate_at
from tests.kit.training.tiny_job import MakeJob, metrics

from dpojob_api.progress import Progress
from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.digested_files import file_digests
from dpojob_trainer.training.loop import callbacks, checkpoints
from dpojob_trainer.training.setup.errors import exit_code
from dpojob_trainer.training.setup.progress import ProgressRecorder
from dpojob_trainer.training.setup.signals import StopRequest

pytestmark = pytest.mark.train
TIMES = ("runtime", "per_second")


def curves(job: TrainJob) -> list[dict[str, Any]]:
    """The metrics without what a clock measured."""
    return [
        {k: v for k, v in record.items() if not k.endswith(TIMES)}
        for record in metrics(job)
        if "train_runtime" not in record
    ]


def same(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> None:
    """Equal records, every figure to the last bit or so."""
    assert [sorted(record) for record in left] == [sorted(record) for record in right]
    for one, other in zip(left, right, strict=True):
        assert one == pytest.approx(other, rel=1e-6, abs=1e-9)


@pytest.fixture(scope="module")
def uninterrupted_curves() -> dict[str, list[dict[str, Any]]]:
    """Curves of uninterrupted runs, by name; trained once."""
    return {}


def uninterrupted(
    make_job: MakeJob,
    uninterrupted_curves: dict[str, list[dict[str, Any]]],
    name: str,
    spec: dict[str, Any],
) -> list[dict[str, Any]]:
    if name not in uninterrupted_curves:
        job = make_job(output=f"whole-{name}", spec=spec)
        assert run(job).outcome == "Succeeded"
        uninterrupted_curves[name] = curves(job)
    return uninterrupted_curves[name]


FULL: dict[str, Any] = {"training": {"epochs": 1}}
LORA: dict[str, Any] = {"training": {"method": "lora", "lora": {"r": 8, "dropout": 0.1}}}


@pytest.mark.parametrize(("name", "spec"), [("full", FULL), ("lora", LORA)])
def test_a_stopped_run_resumes_step_for_step(
    make_job: MakeJob, uninterrupted_curves: Any, name: str, spec: dict[str, Any]
) -> None:
    wanted = uninterrupted(make_job, uninterrupted_curves, name, spec)
    job = make_job(spec=spec)
    stopped = run(job, on_progress=terminate_at(5))
    assert (stopped.outcome, stopped.reason) == ("Interrupted", "Stopped")
    assert exit_code(stopped.reason) == 12
    assert stopped.progress.checkpoint_step == stopped.progress.step == 5
    assert stopped.artifacts is None
    assert not (job.output / "config.json").exists()
    assert not (job.output / "adapter_config.json").exists()
    ended = run(job)
    assert ended.outcome == "Succeeded", ended.message
    assert ended.progress.resumed_from == 5
    same(curves(job), wanted)
    assert [s.before for s in ended.samples] == [s.before for s in stopped.samples]


def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    make_job: MakeJob, uninterrupted_curves: Any
) -> None:
    wanted = uninterrupted(make_job, uninterrupted_curves, "full", FULL)
    job = make_job(spec=FULL)
    run(job, on_progress=terminate_at(10))
    newest = checkpoints.latest(job.checkpoints, job.key)
    assert newest is not None and checkpoints.step_of(newest) == 10
    _, before = sorted(map(checkpoints.step_of, job.checkpoints.glob("checkpoint-*")), reverse=True)
    with (newest / "optimizer.pt").open("r+b") as file:
        file.truncate(1000)
    (job.checkpoints / "checkpoint-99").mkdir()  # As a killed save leaves it.
    ended = run(job)
    assert ended.outcome == "Succeeded", ended.message
    assert ended.progress.resumed_from == before
    same(curves(job), wanted)


def test_a_signal_during_an_evaluation_is_obeyed_at_once(
    make_job: MakeJob, uninterrupted_curves: Any
) -> None:
    wanted = uninterrupted(make_job, uninterrupted_curves, "full", FULL)
    job = make_job(spec=FULL)
    stopped = run(job, on_progress=terminate_at(3, "Evaluating"))
    assert stopped.outcome == "Interrupted"
    step = stopped.progress.checkpoint_step
    assert step == stopped.progress.step
    ended = run(job)
    assert ended.progress.resumed_from == step
    # The evaluation that was broken off is not repeated; everything else is as it would have been.
    missing = [r for r in wanted if not (r["step"] == step and "eval_loss" in r)]
    same(curves(job), missing)


def test_a_signal_before_the_first_step(make_job: MakeJob) -> None:
    job = make_job()
    stopped = run(job, on_progress=terminate_at(0, "LoadingModel"))
    assert (stopped.outcome, stopped.progress.checkpoint_step) == ("Interrupted", None)
    assert "no checkpoint" in stopped.message
    assert signal.getsignal(signal.SIGTERM) in (signal.SIG_DFL, signal.Handlers.SIG_DFL)


def test_a_signal_while_the_model_is_saved_keeps_the_last_checkpoint(make_job: MakeJob) -> None:
    job = make_job(spec=FULL)
    stopped = run(job, on_progress=terminate_at(1, "Saving"))
    assert stopped.outcome == "Interrupted"
    assert not (job.output / "config.json").exists()
    ended = run(job)
    assert ended.outcome == "Succeeded", ended.message
    assert ended.progress.resumed_from == ended.progress.max_steps
    assert (job.output / "config.json").exists()


def test_another_jobs_checkpoints_are_not_continued(make_job: MakeJob) -> None:
    run(make_job(uid="one"), on_progress=terminate_at(5))
    ended = run(make_job(uid="two"))
    assert ended.outcome == "Succeeded"
    assert ended.progress.resumed_from is None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3.5 MB at the output's place."""
    place = tmp_path / "outputs"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3500k", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_leaves_the_last_good_checkpoint(
    make_job: MakeJob, uninterrupted_curves: Any, small_disk: Path
) -> None:
    job = make_job(spec=FULL)
    failed = run(job)
    assert (failed.outcome, failed.reason) == ("Failed", "DiskFull"), failed.message
    assert exit_code(failed.reason) == 13
    good = checkpoints.latest(job.checkpoints, job.key)
    assert good is not None
    good_step = checkpoints.step_of(good)
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    ended = run(job)
    assert ended.outcome == "Succeeded", ended.message
    assert ended.progress.resumed_from == failed.progress.checkpoint_step == good_step
    same(curves(job), uninterrupted(make_job, uninterrupted_curves, "full", FULL))


def test_an_unforeseen_error_is_one_line_for_the_user(make_job: MakeJob) -> None:
    def fail(progress: Progress) -> None:
        if progress.step == 2:
            raise ZeroDivisionError("something odd\nwith details")

    failed = run(make_job(), on_progress=fail)
    assert (failed.reason, failed.message) == (
        "TrainingFailed", "ZeroDivisionError: something odd with details",
    )  # fmt: skip
    assert failed.progress.step == 2


def test_a_guard_stops_the_run_and_nothing_looks_finished(make_job: MakeJob) -> None:
    job = make_job(
        spec={
            "training": {
                "learningRate": 1.0,
                "onUnhealthy": "Stop",
                "arguments": {"optim": "sgd", "max_grad_norm": 0.0},
            }
        }
    )
    object.__setattr__(job.spec.training, "learning_rate", 1e15)  # Beyond what the schema allows.
    failed = run(job)
    assert (failed.outcome, failed.reason) == ("Failed", "Unhealthy"), failed.message
    assert failed.message.startswith("NaNLoss: ")
    assert not failed.progress.health.healthy
    assert exit_code(failed.reason) == 14
    assert not (job.output / "config.json").exists()
    assert failed.progress.margin is None or math.isfinite(failed.progress.margin)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_checkpoint_is_not_read_for_its_manifest(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    """Only the small files are, whose writers compute no digest."""
    read: list[Path] = []
    original = file_digests.read_digest
    monkeypatch.setattr(
        file_digests, "read_digest", lambda path: read.append(path) or original(path)
    )
    arguments = {"max_steps": 2, "save_steps": 1, "eval_strategy": "no"}
    job = make_job(spec={"training": {"method": method, "arguments": arguments}})
    kept: list[str | None] = []
    monkeypatch.setattr(
        checkpoints,
        "rotate",
        lambda root, *_: kept.extend(
            checkpoints.validate(path, job.key) for path in root.glob("checkpoint-*")
        ),
    )
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    assert outcome.progress.checkpoint_seconds is not None
    # Each checkpoint is valid when the older ones are removed, and the next one is not begun yet.
    assert kept and set(kept) == {None}
    names = {path.name for path in read}
    assert "trainer_state.json" in names
    assert not names & {"model.safetensors", "adapter_model.safetensors", "optimizer.pt"}


def test_checkpoints_by_time_are_as_far_apart_as_the_measured_time_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])
    recorder = ProgressRecorder()
    interruption = callbacks.Interruption(StopRequest(), 1000, recorder)
    control = SimpleNamespace(should_save=False)

    def due_after(seconds: float) -> bool:
        control.should_save, now[0] = False, now[0] + seconds
        interruption.on_step_end(None, None, control)
        return control.should_save

    interruption.on_train_begin(None, None, control)
    assert not due_after(999) and due_after(2)
    recorder.update(checkpoint_seconds=100.0)  # 5% of 2,000 s.
    interruption.on_save(None, None, control)
    assert not due_after(1999) and due_after(2)
    recorder.update(checkpoint_seconds=1.0)
    interruption.on_save(None, None, control)
    assert not due_after(899) and due_after(2)
