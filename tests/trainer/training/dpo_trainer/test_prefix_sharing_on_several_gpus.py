"""Shared prefixes over two processes, with FSDP2 and with DDP over gloo: the losses of one process without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.kit.training.sharded_runs import Run, train_all
from tests.kit.training.tiny_job import build_job, losses, metrics

from dpojob_api import constants
from dpojob_trainer.training import TrainJob

pytestmark = pytest.mark.train
TOLERANCE = 2e-3
ALONE = {"prefixSharing": False}
TWO = {"gpus": 2, "perDeviceBatchSize": 1, "gradientAccumulation": 2, "prefixSharing": True}
SHARDED = {**TWO, "sharded": True}
PRECOMPUTED = {"precomputeReference": True}
RUNS: dict[str, tuple[str, dict[str, Any], int]] = {
    "full": ("full", ALONE, 1),
    "full, sharded": ("full", SHARDED, 2),
    "full, sharded, reference precomputed": ("full", {**SHARDED, **PRECOMPUTED}, 2),
    "lora": ("lora", ALONE, 1),
    "lora, sharded": ("lora", SHARDED, 2),
    "lora, data parallel": ("lora", TWO, 2),
}
"""Method, plan and number of processes."""


@pytest.fixture(scope="module")
def jobs(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrainJob]:
    root = tmp_path_factory.mktemp("shared-prefixes")

    def job(method: str, plan: dict[str, Any], number: int) -> TrainJob:
        estimate = {"hours": 0.1, "cost": "0.10", "evaluations": 1}
        training = {"method": method, "arguments": {"max_steps": 4}}
        return build_job(
            inputs,
            root / str(number),
            spec={"training": training, "dataset": {"eval": {"fraction": 0}}},
            plan={"estimate": estimate, **plan},
        )

    made = {
        name: job(method, plan, number)
        for number, (name, (method, plan, _)) in enumerate(RUNS.items())
    }
    runs = [Run(made[name], processes=RUNS[name][2]) for name in RUNS]
    for observed in train_all(runs, root):
        outcome = observed[0]["outcome"]
        assert outcome["outcome"] == "Succeeded", outcome["message"]
    return made


@pytest.mark.parametrize("name", [name for name in RUNS if RUNS[name][2] == 2])
def test_losses_are_those_of_one_process_without_sharing(
    jobs: dict[str, TrainJob], name: str
) -> None:
    card = (jobs[name].output / constants.FILE_MODEL_CARD).read_text()
    assert "| shared prefixes | yes |" in card
    expected = losses(metrics(jobs[name.partition(",")[0]]))
    assert len(expected) == 4
    assert losses(metrics(jobs[name])) == pytest.approx(expected, abs=TOLERANCE)
