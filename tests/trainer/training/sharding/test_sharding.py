"""Training sharded by FSDP2, for real, over gloo: precision, units, samples, checkpoints and the saved model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.kit.training.sharded_runs import Observations, Run, train_all
from tests.kit.training.tiny_job import build_job, losses, metrics

from dpojob_trainer.training import TrainJob

pytestmark = pytest.mark.train
TOLERANCE = 2e-3
LAYERS = [f"model.layers.{number}" for number in range(3)]
"""The tiny model's decoder layers."""
SHARDED = {"gpus": 2, "perDeviceBatchSize": 1, "gradientAccumulation": 2, "sharded": True}


class Runs:
    """The runs of this module: jobs and observations by name."""

    def __init__(self, inputs: Path, root: Path) -> None:
        full = {"training": {"epochs": 0.3}, "dataset": {"eval": {"fraction": 0.1}}}
        lora = {
            "training": {"epochs": 0.3, "method": "lora"},
            "dataset": {"eval": {"fraction": 0}},
            "output": {"merge": True},
        }
        two_steps = {"training": {"arguments": {"max_steps": 2}}, "dataset": full["dataset"]}

        def job(name: str, spec: dict[str, Any], plan: dict[str, Any] | None = None) -> TrainJob:
            estimate = {"hours": 0.1, "cost": "0.10", "evaluations": 1}
            return build_job(
                inputs, root / name, spec=spec, plan={"estimate": estimate, **(plan or {})}
            )

        self.jobs = {
            "full-stopped": job("full", full),
            "full": job("full", full, SHARDED),
            "full-alone": job("full-alone", full),
            "full-bf16": job("full-bf16", two_steps, {**SHARDED, "precision": "bf16"}),
            "full-precomputed": job(
                "full-precomputed", two_steps, {**SHARDED, "precomputeReference": True}
            ),
            "lora-stopped": job("lora", lora, SHARDED),
            "lora-resumed-alone": job("lora", lora),
            "lora": job("lora-whole", lora, SHARDED),
        }
        runs = [
            Run(self.jobs["full-stopped"], processes=1, stop_after=2),
            Run(self.jobs["full"]),
            Run(self.jobs["full-alone"], processes=1),
            Run(self.jobs["full-bf16"], precision="bf16"),
            Run(self.jobs["full-precomputed"]),
            Run(self.jobs["lora-stopped"], stop_after=2),
            Run(self.jobs["lora-resumed-alone"], processes=1),
            Run(self.jobs["lora"]),
        ]
        self.observed = dict(zip(self.jobs, train_all(runs, root), strict=True))

    def first(self, name: str) -> Observations:
        """What rank 0 observed."""
        return self.observed[name][0]

    def weights(self, name: str) -> dict[str, torch.Tensor]:
        """The saved model's or adapter's tensors."""
        (file,) = self.jobs[name].output.glob("*.safetensors")
        return load_file(file)


@pytest.fixture(scope="module")
def runs(inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(inputs, tmp_path_factory.mktemp("sharded"))


@pytest.mark.parametrize("name", ["full", "full-bf16", "lora", "lora-stopped"])
def test_parameters_and_gradients_are_divided_over_the_processes(runs: Runs, name: str) -> None:
    for observed in runs.observed[name]:
        assert observed["policy"] == ["DTensor"]
        # Also between the micro-batches of one step: else each process would hold them whole.
        assert observed["gradients"] and all(
            kinds == ["DTensor"] for kinds in observed["gradients"]
        )


@pytest.mark.parametrize(
    ("name", "other", "resumed_from"),
    [("full", "full-alone", "full"), ("lora", "lora-resumed-alone", "lora-resumed-alone")],
)
def test_a_run_goes_on_from_a_checkpoint_of_another_number_of_gpus(
    runs: Runs, name: str, other: str, resumed_from: str
) -> None:
    for found in (name, other):
        outcome = runs.first(found)["outcome"]
        assert outcome["outcome"] == "Succeeded", outcome["message"]
    assert runs.first(resumed_from)["outcome"]["progress"]["resumedFrom"] == 2
    curves = [losses(metrics(runs.jobs[found])) for found in (name, other)]
    assert curves[0] == pytest.approx(curves[1], abs=TOLERANCE)


@pytest.mark.parametrize(
    ("name", "other"), [("full", "full-alone"), ("lora", "lora-resumed-alone")]
)
def test_the_saved_weights_are_those_of_one_process(
    runs: Runs, inputs: Path, name: str, other: str
) -> None:
    ours, wanted = runs.weights(name), runs.weights(other)
    assert ours.keys() == wanted.keys()
    start = load_file(inputs / "model" / "model.safetensors")
    error = change = 0.0
    for key in wanted:
        error += (ours[key] - wanted[key]).square().sum().item()
        change += (wanted[key] - start[key]).square().sum().item()
    assert change > 0
    assert error < 0.01 * change


@pytest.mark.parametrize("name", ["full", "full-bf16", "full-precomputed", "lora"])
def test_only_the_first_process_holds_the_whole_model(runs: Runs, inputs: Path, name: str) -> None:
    """The price of a sharded model's loading in the planner: one copy, with a reference too."""
    first, second = runs.observed[name]
    whole = (inputs / "model" / "model.safetensors").stat().st_size
    assert first["loadedBytes"] == pytest.approx(whole, rel=0.02)
    assert second["loadedBytes"] < 0.01 * whole
    if name != "lora":  # The adapter is in every process.
        assert second["policyBytes"] == second["loadedBytes"]


def test_a_reference_that_is_computed_beforehand_is_not_kept(runs: Runs) -> None:
    kept, precomputed = (runs.first(name) for name in ("full-bf16", "full-precomputed"))
    assert "reference" in kept and "reference" not in precomputed
    assert precomputed["outcome"]["outcome"] == "Succeeded", precomputed["outcome"]["message"]


def test_log_probabilities_and_sums_are_fp32_where_the_computation_is_bf16(runs: Runs) -> None:
    observed = runs.first("full-bf16")
    assert observed["outputDtypes"] == ["torch.float32"]
    assert observed["reduceDtypes"] == ["torch.float32"]
    wanted = torch.tensor(observed["logProbabilities"], dtype=torch.float64).sum().item()
    assert observed["sum"] == pytest.approx(wanted, rel=1e-6)
    assert torch.tensor(wanted).bfloat16().item() != pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("name", ["full", "full-bf16"])
def test_the_reference_is_sharded_layer_by_layer_like_the_policy(runs: Runs, name: str) -> None:
    observed = runs.first(name)
    assert set(LAYERS) <= set(observed["referenceUnits"])
    assert observed["referenceUnits"] == observed["policyUnits"]
    # After its forward no unit is left whole.
    assert observed["referenceAfterForward"] == ["DTensor"]


@pytest.mark.parametrize("name", ["full-bf16", "lora"])
def test_every_sample_is_generated_with_the_sharded_model_on_all_processes(
    runs: Runs, name: str
) -> None:
    first, second = (observed["samples"] for observed in runs.observed[name])
    # Before the first step and after the last one.
    assert len(first) == 2
    assert first == second
    assert all(kinds == ["DTensor"] for kinds, _ in first)


def test_a_sharded_checkpoint_has_the_files_of_one_that_is_not(runs: Runs) -> None:
    sharded, alone = (runs.first(name)["checkpointBytes"] for name in ("full", "full-alone"))
    assert {name for name in sharded if not name.startswith("rng_state")} <= alone.keys()
    adapter = runs.first("lora")["checkpointBytes"]
    assert 0 < adapter["adapter_model.safetensors"] < alone["model.safetensors"]
    assert "model.safetensors" not in adapter


def test_processes_whose_answers_end_at_different_tokens_do_not_wait_for_each_other(
    inputs: Path, tmp_path: Path
) -> None:
    """Their prompts are of different lengths too."""
    command = [sys.executable, "-m", "tests.kit.training.sharded_answers"]
    ended = subprocess.run(
        [*command, inputs / "model", tmp_path], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    first, second = (json.loads((tmp_path / rank).read_text()) for rank in ("0", "1"))
    assert first["sharded"] == first["alone"] != ""
    assert second["sharded"] == second["alone"]
    assert len(second["alone"]) < len(first["alone"])
