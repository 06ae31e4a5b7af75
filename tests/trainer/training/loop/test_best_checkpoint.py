"""The weights that are kept are the best ones by the requested metric, and the report describes these."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.kit import tiny_models
from tests.kit.training.termination import terminate_at
from tests.kit.training.tiny_job import MakeJob, metrics

from dpojob_trainer.training import TrainJob, run
from dpojob_trainer.training.digested_files import FileDigests
from dpojob_trainer.training.export import output_directory
from dpojob_trainer.training.loop import checkpoints

pytestmark = pytest.mark.train
MARGIN = "eval_rewards/margins"


@pytest.fixture(scope="module")
def contrary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs whose held-out split prefers the opposite: the first evaluation is the best."""
    root = tmp_path_factory.mktemp("contrary")
    tiny_models.write_contrary_pairs(root / "pairs", held_out=4)
    return root


MakeContrary = Callable[..., TrainJob]


@pytest.fixture
def make_contrary(make_job: MakeJob, contrary: Path) -> MakeContrary:
    """A job of 12 steps that evaluates, and saves, at every third."""

    def make(output: str = "out", **arguments: Any) -> TrainJob:
        return make_job(
            output=output,
            spec={
                "training": {"epochs": 1, "arguments": {"eval_steps": 3, "save_steps": 3, **arguments}},
                "dataset": {
                    "volume": {"claimName": "contrary", "path": "pairs"}, "eval": {"split": "test"},
                },
            },
            volumes={"contrary": contrary},
        )  # fmt: skip

    return make


def evaluated(job: TrainJob, metric: str) -> dict[int, float]:
    return {r["step"]: r[metric] for r in metrics(job) if metric in r}


def kept(directory: Path) -> list[int]:
    """The steps of the checkpoints there."""
    return sorted(checkpoints.step_of(path) for path in directory.glob("checkpoint-*"))


def test_by_a_metric_of_which_more_is_better_the_highest_is_kept(make_contrary: Any) -> None:
    job = make_contrary(metric_for_best_model=MARGIN)
    ended = run(job)
    margins = evaluated(job, MARGIN)
    best = max(margins, key=margins.__getitem__)
    assert best < ended.progress.step
    assert f"those of step {best}, where the held-out rewards/margins was best" in ended.message
    assert ended.progress.eval_margin == pytest.approx(margins[best])


def test_by_a_metric_of_which_less_is_better_the_lowest_is_kept(make_contrary: Any) -> None:
    job = make_contrary(metric_for_best_model="logps/rejected")
    ended = run(job)
    figures = evaluated(job, "eval_logps/rejected")
    best = min(figures, key=figures.__getitem__)
    assert ended.progress.eval_loss == pytest.approx(evaluated(job, "eval_loss")[best])


def test_while_the_best_stays_behind_two_newer_checkpoints_are_there_to_go_on_from(
    make_contrary: MakeContrary,
) -> None:
    job = make_contrary()
    assert run(job, on_progress=terminate_at(10)).outcome == "Interrupted"
    assert kept(job.checkpoints) == [3, 9, 10]


def test_the_newest_checkpoint_is_there_until_the_next_is_whole(
    make_contrary: MakeContrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_contrary()
    write_manifest = checkpoints.write_manifest

    def die(directory: Path, key: str, step: int, digests: FileDigests) -> None:
        if step == 12:
            raise OSError("the node died")
        write_manifest(directory, key, step, digests)

    monkeypatch.setattr(checkpoints, "write_manifest", die)
    assert run(job).outcome == "Failed"
    monkeypatch.setattr(checkpoints, "write_manifest", write_manifest)
    ended = run(job)
    assert ended.outcome == "Succeeded", ended.message
    assert ended.progress.resumed_from == 9
    assert "those of step 3" in ended.message


def test_more_checkpoints_are_kept_where_save_total_limit_asks_for_them(
    make_contrary: MakeContrary,
) -> None:
    job = make_contrary(save_total_limit=3)
    run(job, on_progress=terminate_at(10))
    assert kept(job.checkpoints) == [3, 6, 9, 10]


def test_a_best_checkpoint_that_was_damaged_is_not_reported_as_the_model(
    make_contrary: MakeContrary,
) -> None:
    job = make_contrary()
    run(job, on_progress=terminate_at(10))
    with (job.checkpoints / "checkpoint-3" / "model.safetensors").open("r+b") as file:
        file.truncate(1000)
    ended = run(job)
    assert ended.outcome == "Succeeded", ended.message
    losses = evaluated(job, "eval_loss")
    best_left = min((9, 12), key=losses.__getitem__)
    assert ended.progress.eval_loss == pytest.approx(losses[best_left])
    assert "step 3" not in ended.message
    assert "checkpoint-3, was lost or damaged" in (job.output / "report.html").read_text()


def test_the_best_is_found_again_where_the_directory_has_moved(
    make_contrary: MakeContrary,
) -> None:
    here, there = make_contrary("here"), make_contrary("there")
    run(here, on_progress=terminate_at(10))
    best = output_directory.weights_hash(here.checkpoints / "checkpoint-3")
    shutil.move(here.output, there.output)
    ended = run(there)
    assert "those of step 3" in ended.message
    assert output_directory.weights_hash(there.output) == best
