"""Adapters that change embeddings of a tied base, or bring tokens, merge into what they were."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import Linear
from tests.kit.training.adapters import save_adapter
from tests.kit.training.tiny_job import MakeJob, metrics
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from dpojob_trainer.training import run
from dpojob_trainer.training.adapters.loading import load_adapter, prepare_embeddings_for_merge
from dpojob_trainer.training.adapters.merging import merge_adapter
from dpojob_trainer.training.export import model_writer
from dpojob_trainer.training.setup.model_source import ModelLocation

KINDS: dict[str, dict[str, Any]] = {
    "linear": {},
    "dora": {"use_dora": True},
    "rslora-bias": {"use_rslora": True, "bias": "all"},
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
    merge_adapter(adapters / "model", adapters / kind, tmp_path)
    read = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokens = torch.arange(on_base.get_input_embeddings().weight.shape[0])[None]
    with torch.no_grad():
        wanted = on_base.eval()(input_ids=tokens).logits
        found = read.eval()(input_ids=tokens).logits
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", ["linear", "dora", "rslora-bias", "input", "output", "both-anew"])
def test_merged_tensor_by_tensor_it_is_what_peft_merges_in_memory(
    adapters: Path, kind: str, tmp_path: Path
) -> None:
    whole = base(adapters)
    prepare_embeddings_for_merge(whole, adapters / kind)
    wanted = PeftModel.from_pretrained(whole, adapters / kind).merge_and_unload().state_dict()
    merge_adapter(adapters / "model", adapters / kind, tmp_path, shard_bytes=200_000)
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    got = AutoModelForCausalLM.from_pretrained(tmp_path).state_dict()
    assert got.keys() == wanted.keys()
    for name, tensor in wanted.items():
        torch.testing.assert_close(got[name], tensor, atol=0, rtol=0, msg=name)


def test_an_adapter_whose_initialisation_changes_the_base_is_merged_in_memory(
    adapters: Path, tmp_path: Path
) -> None:
    save_adapter(adapters / "model", tmp_path / "pissa", "model", init_lora_weights="pissa")
    on_base = load_adapter(base(adapters), tmp_path / "pissa").eval()
    merge_adapter(adapters / "model", tmp_path / "pissa", tmp_path / "merged")
    read = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").eval()
    tokens = torch.arange(32)[None]
    with torch.no_grad():
        torch.testing.assert_close(
            read(input_ids=tokens).logits, on_base(input_ids=tokens).logits, atol=1e-4, rtol=1e-4
        )


def test_the_merged_weights_have_the_type_of_the_base(adapters: Path, tmp_path: Path) -> None:
    """The sum is made in fp32 and rounded once."""
    rounded = tmp_path / "base"
    base(adapters).to(torch.bfloat16).save_pretrained(rounded)
    merge_adapter(rounded, adapters / "linear", tmp_path / "merged")
    whole = AutoModelForCausalLM.from_pretrained(rounded, dtype=torch.float32)
    wanted = PeftModel.from_pretrained(whole, adapters / "linear").merge_and_unload()
    got = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert got.dtype == torch.bfloat16
    for name, tensor in wanted.state_dict().items():
        torch.testing.assert_close(
            got.state_dict()[name], tensor.to(torch.bfloat16), atol=0, rtol=0, msg=name
        )


PEAK = """
import sys
from pathlib import Path
from dpojob_trainer.training.adapters.merging import merge_adapter

def resident(field):
    return next(int(l.split()[1]) * 1024 for l in open("/proc/self/status") if l.startswith(field))

base, small, adapter, merged = map(Path, sys.argv[1:5])
merge_adapter(small, adapter, merged / "warm", shard_bytes=int(sys.argv[5]))
peaks = []
for number in range(4):
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    merge_adapter(base, adapter, merged / str(number), shard_bytes=int(sys.argv[5]))
    peaks.append(resident("VmHWM") - before)
print(min(peaks))
"""


def test_the_memory_of_a_merge_is_that_of_one_written_file_not_of_the_model(
    tmp_path: Path,
) -> None:
    """In a process of its own, after a first merge that has imported what a merge needs.

    The least of several peaks: pages of libraries that the kernel took away come back in any of them.
    """
    config = LlamaConfig(
        vocab_size=64, hidden_size=256, intermediate_size=1024, num_hidden_layers=24,
        num_attention_heads=4, num_key_value_heads=4, tie_word_embeddings=True, dtype="bfloat16",
    )  # fmt: skip
    large = LlamaForCausalLM(config).to(torch.bfloat16)
    large.save_pretrained(tmp_path / "large", max_shard_size="15MB")
    adapter = get_peft_model(large, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False))  # fmt: skip
    adapter.save_pretrained(tmp_path / "adapter")
    size = sum(path.stat().st_size for path in (tmp_path / "large").glob("*.safetensors"))
    del large, adapter
    shard = 2_500_000
    paths = [str(tmp_path / name) for name in ("large", "large", "adapter", "merged")]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *paths, str(shard)], check=True, capture_output=True, text=True
    )
    peak = int(done.stdout)
    assert peak < 5 * shard, f"{peak / shard:.1f} files"
    assert peak < size / 4, f"{peak / size:.2f} of the model"


def test_the_finished_adapter_is_replaced_by_the_merged_model(
    adapters: Path, tmp_path: Path
) -> None:
    save_adapter(adapters / "model", tmp_path, "model", **KINDS["input"])
    model_writer._replace_by_merged(tmp_path, ModelLocation(adapters / "model"))
    assert not list(tmp_path.glob("adapter_*"))
    assert not AutoModelForCausalLM.from_pretrained(tmp_path).config.tie_word_embeddings


@pytest.mark.train
def test_the_adapter_is_kept_where_its_merge_is_not_exact_and_the_report_says_why(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Linear, "get_delta_weight", lambda *_: torch.zeros(()))
    job = make_job(spec={"training": {"method": "lora"}, "output": {"merge": True}})
    outcome = run(job)
    assert outcome.artifacts is not None and outcome.artifacts.kind == "adapter"
    assert not (job.output / "config.json").exists() and not (job.output / "merged").exists()
    assert "outputs would be" in (job.output / "report.html").read_text()


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
