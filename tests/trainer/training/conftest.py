"""Jobs on tiny models, trained by real TRL in this process."""

from __future__ import annotations

import os

# Before torch is loaded: spinning threads would multiply the time on a busy machine.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import gc
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.kit import tiny_models

from dpojob_api import constants
from dpojob_api.plan import Plan
from dpojob_api.spec import DPOJobSpec
from dpojob_trainer.inspection import inspect
from dpojob_trainer.training.setup.train_job import TrainJob

ROWS = 64
SHARED_PREFIXES = os.environ.get("DPOJOB_TEST_PREFIX_SHARING") == "1"
"""Whether every training of these tests shares prefixes, unless its plan says otherwise."""


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


EVEN = {"volume": {"claimName": "even", "path": "pairs"}, "eval": {"split": "test"}}
"""spec.dataset for it."""
MakeJob = Callable[..., TrainJob]
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


def build_job(
    inputs: Path,
    root: Path,
    *,
    spec: dict[str, Any] | None = None,
    plan: dict[str, Any] | None = None,
    output: str = "out",
    uid: str = "",
    **more: Any,
) -> TrainJob:
    """A job on the tiny model. `spec` is merged into a small default, `plan` into a small plan."""
    wanted: dict[str, Any] = {
        "model": {"volume": {"claimName": "inputs", "path": "model"}},
        "dataset": {
            "volume": {"claimName": "inputs", "path": "pairs.jsonl"},
            "columnMapping": {
                "prompt": "question",
                "chosen": "good_response",
                "rejected": "bad_response",
            },
            "eval": {"fraction": 0.2},
        },
        "training": {"learningRate": 5e-4, "batchSize": 4, "maxLength": 128},
        "samples": {"prompts": ["Where is the kite?"]},
        "output": {"volume": {"claimName": "outputs", "path": output}},
    }
    for field, value in (spec or {}).items():
        both = isinstance(value, dict) and field in ("training", "dataset", "output")
        wanted[field] = {**wanted[field], **value} if both else value
    planned = {
        "pool": "test",
        "method": wanted["training"].get("method", "full"),
        "precision": "fp32",
        "perDeviceBatchSize": 2,
        "gradientAccumulation": wanted["training"]["batchSize"] // 2,
        "gradientCheckpointing": False,
        "prefixSharing": SHARED_PREFIXES,
        "maxLength": wanted["training"]["maxLength"],
        "memoryGiB": {"needed": 1.0, "available": 15.0},
        "estimate": {"hours": 0.1, "cost": "0.10"},
        **(plan or {}),
    }
    volumes = {"inputs": inputs, "outputs": root / "outputs", **more.pop("volumes", {})}
    read = DPOJobSpec.model_validate(wanted)
    report = inspect(read, volumes)
    assert report.valid, report.problems
    return TrainJob(
        name="test",
        uid=uid,
        spec=read,
        report=report,
        plan=Plan.model_validate(planned),
        volumes=volumes,
        scratch=root / "scratch",
        **more,
    )


@pytest.fixture
def make_job(inputs: Path, tmp_path: Path) -> MakeJob:
    """`build_job` for this test's own directory."""
    return partial(build_job, inputs, tmp_path)


def metrics(job: TrainJob) -> list[dict[str, Any]]:
    """The finished job's metrics.jsonl."""
    text = (job.output / constants.FILE_METRICS).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def losses(records: list[dict[str, Any]]) -> dict[int, float]:
    """Training loss by step."""
    return {r["step"]: r["loss"] for r in records if "loss" in r}
