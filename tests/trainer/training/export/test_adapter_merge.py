"""Adapters that change embeddings of a tied base, or bring tokens, merge into what they were."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from tests.kit.training.adapters import save_adapter
from tests.trainer.training.conftest import MakeJob, metrics
from transformers import AutoModelForCausalLM

from dpojob_trainer.training import run
from dpojob_trainer.training.export import model_writer
from dpojob_trainer.training.setup.adapter import load_adapter, merge_adapter
from dpojob_trainer.training.setup.model_source import ModelLocation

KINDS: dict[str, dict[str, Any]] = {
    "input": {"target_modules": ["q_proj", "embed_tokens"]},
    "output": {"target_modules": ["q_proj", "lm_head"]},
    "both-anew": {"modules_to_save": ["embed_tokens", "lm_head"]},
    "new-tokens": {"modules_to_save": ["embed_tokens"], "new_tokens": 5},
    "new-frozen": {"new_tokens": 5},
}


@pytest.fixture(scope="module")
def adapters(inputs: Path) -> Path:
    """One of each kind, on the tiny model, whose embeddings are tied."""
    for kind, options in KINDS.items():
        save_adapter(inputs / "model", inputs / kind, "model", **options)
    return inputs


def base(inputs: Path) -> Any:
    found = AutoModelForCausalLM.from_pretrained(inputs / "model")
    assert found.config.tie_word_embeddings
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_merged_it_equals_itself_on_its_base_also_when_read_again(
    adapters: Path, kind: str, tmp_path: Path
) -> None:
    on_base = load_adapter(base(adapters), adapters / kind)
    merged = merge_adapter(base(adapters), adapters / kind)
    merged.save_pretrained(tmp_path)
    read = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokens = torch.arange(on_base.get_input_embeddings().weight.shape[0])[None]
    with torch.no_grad():
        wanted = on_base.eval()(input_ids=tokens).logits
        for found in (merged, read):
            torch.testing.assert_close(
                found.eval()(input_ids=tokens).logits, wanted, atol=1e-4, rtol=1e-4
            )


def test_the_finished_adapter_is_replaced_by_the_merged_model(
    adapters: Path, tmp_path: Path
) -> None:
    save_adapter(adapters / "model", tmp_path, "model", **KINDS["input"])
    assert model_writer._merge(tmp_path, ModelLocation(adapters / "model")) is None
    assert not list(tmp_path.glob("adapter_*"))
    assert not AutoModelForCausalLM.from_pretrained(tmp_path).config.tie_word_embeddings


def test_a_merged_model_that_is_not_the_same_replaces_nothing(
    adapters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_adapter(adapters / "model", tmp_path, "model")
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(PeftModel, "merge_and_unload", lambda self, **_: self.unload(), False)
    apart = model_writer._merge(tmp_path, ModelLocation(adapters / "model"))
    assert apart is not None and apart > model_writer.TOLERANCE
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.train
def test_then_the_adapter_is_kept_and_the_report_says_why(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_writer, "_merge", lambda *_: 0.33)
    job = make_job(spec={"training": {"method": "lora"}, "output": {"merge": True}})
    outcome = run(job)
    assert outcome.artifacts is not None and outcome.artifacts.kind == "adapter"
    assert "logits would be 0.33 apart" in (job.output / "report.html").read_text()


@pytest.mark.train
@pytest.mark.parametrize(
    ("kind", "method", "merge"),
    [
        ("new-tokens", "lora", True), ("new-tokens", "full", False), ("new-frozen", "lora", False),
        ("new-frozen", "lora", True),
    ],
)  # fmt: skip
def test_training_goes_on_from_an_adapter_that_brings_tokens(
    make_job: MakeJob, adapters: Path, kind: str, method: str, merge: bool
) -> None:
    model = {"volume": {"claimName": "inputs", "path": kind}}
    options = {"model": model, "training": {"method": method}, "output": {"merge": merge}}
    job = make_job(spec=options)
    outcome = run(job)
    assert outcome.outcome == "Succeeded", outcome.message
    first = next(record for record in metrics(job) if record["step"] == 1)
    assert first["loss"] == pytest.approx(math.log(2), abs=1e-3)
    rows = base(adapters).get_input_embeddings().weight.shape[0] + 5
    if merge or method == "full":
        merged = AutoModelForCausalLM.from_pretrained(job.output)
    else:
        merged = load_adapter(base(adapters), job.output)
    assert merged.get_input_embeddings().weight.shape[0] == rows
