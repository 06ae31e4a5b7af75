"""Early stopping: it stops when held-out loss no longer falls, keeps the best, and says so."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.kit import tiny_models
from tests.kit.training.tiny_job import MakeJob, metrics

from dpojob_api.progress import Progress
from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.export import output_directory

pytestmark = pytest.mark.train
PATIENCE = 2
TRAINING: dict[str, Any] = {
    "epochs": 8, "learningRate": 5e-4, "earlyStopping": {"patience": PATIENCE},
}  # fmt: skip


@pytest.fixture(scope="module")
def contrary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs whose held-out split prefers the opposite: what is learned makes it worse."""
    root = tmp_path_factory.mktemp("contrary")
    tiny_models.write_contrary_pairs(root / "pairs", held_out=8)
    return root


def job(make_job: MakeJob, contrary: Path, name: str) -> TrainJob:
    return make_job(
        output=name,
        spec={
            "training": TRAINING,
            "dataset": {
                "volume": {"claimName": "contrary", "path": "pairs"}, "eval": {"split": "test"},
            },
        },
        volumes={"contrary": contrary},
    )  # fmt: skip


def evaluations(job: TrainJob) -> dict[int, float]:
    return {r["step"]: r["eval_loss"] for r in metrics(job) if "eval_loss" in r}


def test_it_stops_keeps_the_best_and_says_so(make_job: MakeJob, contrary: Path) -> None:
    contrary_job = job(make_job, contrary, "whole")
    hashes: dict[int, str] = {}

    def remember(progress: Progress) -> None:
        step = progress.checkpoint_step
        if step and step not in hashes:
            hashes[step] = output_directory.weights_hash(
                contrary_job.checkpoints / f"checkpoint-{step}"
            )

    ended = run(contrary_job, on_progress=remember)
    assert (ended.outcome, ended.reason) == ("Succeeded", "Completed"), ended.message
    losses = evaluations(contrary_job)
    best = min(losses, key=lambda step: losses[step])
    assert len([step for step in losses if step > best]) == PATIENCE
    assert max(losses) == ended.progress.step < ended.progress.max_steps
    assert output_directory.weights_hash(contrary_job.output) == hashes[best]
    assert ended.progress.eval_loss == losses[best]
    sentence = f"Stopped early at step {ended.progress.step} of {ended.progress.max_steps}"
    kept = f"the weights kept are those of step {best}"
    for text in (
        ended.message, (contrary_job.output / "README.md").read_text(), (contrary_job.output / "report.html").read_text(),
    ):  # fmt: skip
        assert sentence in text and kept in text

    # Interrupted and resumed, it still counts from the first evaluation on.
    sent: list[int] = []

    def interrupt(progress: Progress) -> None:
        if not sent and progress.step > best:
            sent.append(progress.step)
            os.kill(os.getpid(), signal.SIGTERM)

    resumed = job(make_job, contrary, "resumed")
    assert run(resumed, on_progress=interrupt).outcome == "Interrupted"
    again = run(resumed)
    assert again.outcome == "Succeeded", again.message
    assert again.message == ended.message
    assert evaluations(resumed) == pytest.approx(losses)

    # Interrupted after the stop, while it saves the model, it does not train on.
    def interrupt_saving(progress: Progress) -> None:
        if progress.stage == "Saving" and len(sent) == 1:
            sent.append(progress.step)
            os.kill(os.getpid(), signal.SIGTERM)

    saving = job(make_job, contrary, "saving")
    assert run(saving, on_progress=interrupt_saving).outcome == "Interrupted"
    again = run(saving)
    assert again.message == ended.message
    assert evaluations(saving) == pytest.approx(losses)


def test_without_held_out_pairs_it_cannot_and_says_so(make_job: MakeJob) -> None:
    training = {"epochs": 0.3, "earlyStopping": {"patience": 1}}
    ended = run(job := make_job(spec={"training": training, "dataset": {"eval": {"fraction": 0}}}))
    assert ended.outcome == "Succeeded"
    assert "earlyStopping needs evaluation pairs" in (job.output / "report.html").read_text()
