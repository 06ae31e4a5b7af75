"""Jobs on tiny models, trained by real TRL in this process."""

from __future__ import annotations

import os

# Before torch is loaded: spinning threads would multiply the time on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import gc
from functools import partial
from pathlib import Path

import pytest
from tests.kit import tiny_models
from tests.kit.training.tiny_job import MakeJob, build_job

ROWS = 64


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A claim with an untaught tiny model and a few pairs."""
    root = tmp_path_factory.mktemp("inputs")
    tiny_models.make_model(root / "model", teach_steps=0)
    tiny_models.write_jsonl(root / "pairs.jsonl", tiny_models.make_pairs(ROWS, 1))
    return root


@pytest.fixture(scope="session")
def even(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A claim with pairs in two splits, whose optimizer steps are all full.

    A last step that is not full is padded with pairs of the first one when there are several
    processes, by accelerate, so it differs a little.
    """
    root = tmp_path_factory.mktemp("even")
    tiny_models.write_jsonl(root / "pairs" / "train.jsonl", tiny_models.make_pairs(48, 1))
    tiny_models.write_jsonl(root / "pairs" / "test.jsonl", tiny_models.make_pairs(8, 2))
    return root


FEW_PROMPTS, FEW_TOKENS = 3, 16
"""The prompts and tokens of a training's answers in tests that are about something else."""


@pytest.fixture(scope="session")
def trainer_imported() -> None:
    """Everything that a training imports, kept out of the garbage collections between and within trainings."""
    from dpojob_trainer.training.export import finalize as _finalize  # noqa: F401
    from dpojob_trainer.training.loop import trainer as _trainer  # noqa: F401

    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def short_answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers take half of the time of a short training: where they are not tested, there are a few short ones."""
    if request.node.get_closest_marker("train") is None:
        return
    request.getfixturevalue("trainer_imported")
    from dpojob_trainer.training.evaluation import evaluator
    from dpojob_trainer.training.loop import samples

    monkeypatch.setattr(evaluator, "ANSWERED_PROMPTS", FEW_PROMPTS)
    monkeypatch.setattr(evaluator, "ANSWER_TOKENS", FEW_TOKENS)
    monkeypatch.setattr(samples, "NEW_TOKENS", FEW_TOKENS)


@pytest.fixture
def make_job(inputs: Path, tmp_path: Path) -> MakeJob:
    """`build_job` for this test's own directory."""
    return partial(build_job, inputs, tmp_path)
