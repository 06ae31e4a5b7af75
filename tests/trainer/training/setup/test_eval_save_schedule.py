"""Whatever is asked of evaluations and checkpoints, the other follows, and the best is kept if it can be."""

from __future__ import annotations

from typing import Any

import pytest
from tests.kit.training.tiny_job import MakeJob, metrics
from trl import DPOConfig

from dpojob_trainer.training import run
from dpojob_trainer.training.setup.eval_save_schedule import eval_save_schedule

ASKED: list[tuple[dict[str, Any], tuple[str, Any, str, Any, bool]]] = [
    # asked for -> evaluates, steps between, saves, steps between, keeps the best
    ({}, ("steps", 10, "steps", 10, True)),
    ({"eval_steps": 5}, ("steps", 5, "steps", 5, True)),
    ({"save_steps": 5}, ("steps", 5, "steps", 5, True)),
    ({"save_steps": 500}, ("steps", 100, "steps", 100, True)),
    ({"eval_steps": 0.2}, ("steps", 0.2, "steps", 0.2, True)),
    ({"eval_steps": 5, "save_steps": 10}, ("steps", 5, "steps", 10, True)),
    ({"eval_strategy": "epoch"}, ("epoch", 10, "epoch", 10, True)),
    ({"save_strategy": "epoch"}, ("epoch", 10, "epoch", 10, True)),
    ({"save_strategy": "best"}, ("steps", 10, "best", 10, True)),
    ({"save_strategy": "no"}, ("steps", 10, "no", 10, False)),
    ({"save_steps": 7, "load_best_model_at_end": False}, ("steps", 10, "steps", 7, False)),
]


@pytest.mark.parametrize(("asked", "wanted"), ASKED)
def test_what_is_asked_of_one_holds_for_the_other(
    asked: dict[str, Any], wanted: tuple[Any, ...], tmp_path: Any
) -> None:
    found = eval_save_schedule(asked, steps=100, evaluate_every=10, evaluates=True)
    assert tuple(found.values()) == wanted
    DPOConfig(output_dir=str(tmp_path), use_cpu=True, **{**asked, **found})


@pytest.mark.parametrize(
    ("asked", "evaluates"), [({}, False), ({"save_strategy": "best"}, False), ({"eval_strategy": "no"}, True)]
)  # fmt: skip
def test_without_evaluations_there_is_one_checkpoint_at_the_end_and_no_best(
    asked: dict[str, Any], evaluates: bool
) -> None:
    assert eval_save_schedule(asked, steps=100, evaluate_every=10, evaluates=evaluates) == {
        "eval_strategy": "no",
        "save_strategy": "steps",
        "save_steps": 100,
        "load_best_model_at_end": False,
    }


@pytest.mark.train
@pytest.mark.parametrize(
    ("asked", "evaluations"),
    [({"eval_strategy": "epoch"}, 2), ({"eval_strategy": "no"}, 0), ({"save_strategy": "no"}, 2)],
)
def test_a_run_follows_it(make_job: MakeJob, asked: dict[str, Any], evaluations: int) -> None:
    job = make_job(spec={"training": {"epochs": 2, "arguments": asked}})
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    assert sum("eval_loss" in record for record in metrics(job)) >= evaluations
    assert bool(evaluations) == any("eval_loss" in record for record in metrics(job))
