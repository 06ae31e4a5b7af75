"""Every method trains, ends whole, and starts from the right reference."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from peft import PeftModel
from tests.kit.training.adapters import save_adapter
from tests.kit.training.tiny_job import MakeJob, losses, metrics
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOTrainer

from dpojob_trainer.training import run

pytestmark = pytest.mark.train


def logits(model: Any, directory: Any) -> torch.Tensor:
    tokenizer = AutoTokenizer.from_pretrained(directory)
    inputs = tokenizer("Where is the kite? The kite is on the shelf.", return_tensors="pt")
    with torch.no_grad():
        found: torch.Tensor = model(**inputs).logits
    return found


def test_full_fine_tuning_ends_with_a_model_and_everything_beside_it(make_job: MakeJob) -> None:
    job = make_job()
    seen = []
    outcome = run(job, on_progress=lambda progress: seen.append(progress.stage))
    assert (outcome.outcome, outcome.reason) == ("Succeeded", "Completed"), outcome.message
    assert outcome.artifacts is not None and outcome.artifacts.kind == "model"
    found = {path.name for path in job.output.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "README.md"} <= found
    assert {"report.html", "metrics.jsonl", "inspection.json", "lineage.json"} <= found
    assert not {".checkpoints", ".staging", "training_args.bin"} & found
    assert all(path.stat().st_mode & 0o444 == 0o444 for path in job.output.iterdir())
    AutoModelForCausalLM.from_pretrained(job.output)
    assert seen[-1] == "Done"
    assert {"LoadingModel", "PreparingData", "Training", "Evaluating", "Saving"} <= set(seen)
    progress = outcome.progress
    assert progress.step == progress.max_steps > 0 and progress.percent == 100
    assert progress.eval_margin is not None and progress.tokens
    first = losses(metrics(job))[1]
    assert first == pytest.approx(math.log(2), abs=1e-3)  # Reference and policy agree at the start.


def test_an_attempt_after_the_end_finds_the_model_and_trains_nothing(make_job: MakeJob) -> None:
    job = make_job()
    first = run(job)
    before = (job.output / "model.safetensors").stat().st_mtime_ns
    again = run(job)
    assert again.outcome == "Succeeded" and again.artifacts == first.artifacts
    assert (job.output / "model.safetensors").stat().st_mtime_ns == before


def test_another_jobs_model_is_never_overwritten(make_job: MakeJob) -> None:
    run(make_job(uid="one"))
    outcome = run(make_job(uid="two"))
    assert (outcome.outcome, outcome.reason) == ("Failed", "OutputOccupied")


@pytest.mark.parametrize("method", ["full", "lora", "qlora"])
def test_precomputed_reference_gives_the_same_curve(make_job: MakeJob, method: str) -> None:
    spec = {"training": {"method": method, "epochs": 2}}
    plain = make_job(output="a", spec=spec)
    ahead = make_job(output="b", spec=spec, plan={"precomputeReference": True})
    assert run(plain).outcome == run(ahead).outcome == "Succeeded"
    assert losses(metrics(ahead)) == pytest.approx(losses(metrics(plain)), abs=1e-4)


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_it_ends_with_an_adapter_that_names_its_base(make_job: MakeJob, method: str) -> None:
    job = make_job(spec={"training": {"method": method}})
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    assert outcome.artifacts is not None and outcome.artifacts.kind == "adapter"
    config = json.loads((job.output / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "model"
    assert not (job.output / "config.json").exists() and not (job.output / "ref").exists()
    base = AutoModelForCausalLM.from_pretrained(job.volumes["inputs"] / "model")
    before = logits(base, job.output)
    after = logits(PeftModel.from_pretrained(base, job.output), job.output)
    assert not torch.allclose(before, after, atol=1e-4)


def test_qlora_keeps_the_base_in_four_bits_and_trains_the_adapter_in_full(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def look(trainer: Any, *arguments: Any, **more: Any) -> Any:
        for name, parameter in trainer.model.named_parameters():
            seen[name] = (type(parameter).__name__, parameter.requires_grad, parameter.dtype)
        return train(trainer, *arguments, **more)

    train = DPOTrainer.train
    monkeypatch.setattr(DPOTrainer, "train", look)
    job = make_job(spec={"training": {"method": "qlora", "learningRate": 5e-3, "epochs": 3}})
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    linear = {
        name: config for name, config in seen.items() if name.endswith("proj.base_layer.weight")
    }
    adapters = {name: config for name, config in seen.items() if "lora_" in name}
    assert len(linear) == 3 * 7  # layers x their matrices
    assert {config[:2] for config in linear.values()} == {("Params4bit", False)}
    assert {config[1:] for config in adapters.values()} == {(True, torch.float32)}
    curve = losses(metrics(job))
    assert curve[1] == pytest.approx(math.log(2), abs=1e-3)
    assert curve[max(curve)] < 0.6


def test_qlora_without_bitsandbytes_says_what_to_install(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dpojob_trainer.training.setup.model.find_spec", lambda _name: None)
    outcome = run(make_job(spec={"training": {"method": "qlora"}}))
    assert (outcome.outcome, outcome.reason) == ("Failed", "InvalidSpec")
    assert "install dpojob-trainer[gpu], or set training.method to lora" in outcome.message


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_merged_equals_adapter_on_base(make_job: MakeJob, method: str) -> None:
    adapter = make_job(output="adapter", spec={"training": {"method": method}})
    merged = make_job(
        output="merged", spec={"training": {"method": method}, "output": {"merge": True}}
    )
    assert run(adapter).outcome == "Succeeded"
    outcome = run(merged)
    assert outcome.artifacts is not None and outcome.artifacts.kind == "model"
    assert not (merged.output / "adapter_config.json").exists()
    base = AutoModelForCausalLM.from_pretrained(merged.volumes["inputs"] / "model")
    wanted = logits(PeftModel.from_pretrained(base, adapter.output), adapter.output)
    got = logits(AutoModelForCausalLM.from_pretrained(merged.output), merged.output)
    torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def adapter(inputs: Any) -> Any:
    """An SFT adapter on the tiny model."""
    directory = inputs / "sft"
    save_adapter(inputs / "model", directory, "model")
    return directory


@pytest.mark.parametrize(
    ("method", "precompute"),
    [("lora", False), ("lora", True), ("qlora", False), ("full", False), ("full", True)],
)
def test_an_sft_adapter_is_its_own_reference(
    make_job: MakeJob, adapter: Any, method: str, precompute: bool
) -> None:
    """The bug elsewhere: the reference is the bare base, so loss begins near 0 and accuracy at 1."""
    job = make_job(
        spec={
            "model": {"volume": {"claimName": "inputs", "path": adapter.name}},
            "training": {"method": method},
        },
        plan={"precomputeReference": precompute},
    )
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    first = next(r for r in metrics(job) if r["step"] == 1)
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-3)
    assert first["rewards/margins"] == pytest.approx(0, abs=1e-3)
    if method != "full":
        assert json.loads((job.output / "adapter_config.json").read_text())["r"] == 4
