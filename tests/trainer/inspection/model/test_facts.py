"""The model's facts from headers alone equal what torch counts on the loaded model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.kit.inspection.volume_fixture import make_bare_model, write_safetensors

from dpojob_api.report import ModelFacts
from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection import InspectionError
from dpojob_trainer.inspection.model import open_model, read_facts
from dpojob_trainer.inspection.model.non_parameters import parameters_of

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 120,
    "max_position_embeddings": 256,
}


def facts(root: Path, path: str) -> ModelFacts:
    source = ModelSource.model_validate({"volume": {"claimName": "m", "path": path}})
    return read_facts(open_model(source, {"m": root}, None))


def build(kind: str, **config: Any) -> Any:
    import transformers

    settings = getattr(transformers, f"{kind}Config")(**{**SMALL, **config})
    return getattr(transformers, f"{kind}ForCausalLM")(settings)


CASES = {
    "tied": ("Qwen2", {"tie_word_embeddings": True}),
    "untied": ("Llama", {"tie_word_embeddings": False}),
    "half": ("Llama", {"tie_word_embeddings": True, "dtype": "bfloat16"}),
    "moe": ("Mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2, "tie_word_embeddings": False}),
    "qwenmoe": (
        "Qwen3Moe",
        {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "head_dim": 8},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_counts_are_exact(tmp_path: Path, case: str) -> None:
    kind, config = CASES[case]
    model = build(kind, **config)
    if case == "half":
        import torch

        model = model.to(torch.bfloat16)
    model.save_pretrained(tmp_path / "m", max_shard_size="40KB")
    assert (tmp_path / "m" / "model.safetensors.index.json").exists()
    found = facts(tmp_path, "m")
    assert found.parameters == model.num_parameters()
    assert found.architecture == f"{kind}ForCausalLM"
    tied = bool(model.config.tie_word_embeddings)
    assert found.tied_embeddings is tied
    embedding = 120 * 32
    assert found.embedding_parameters == (embedding if tied else 2 * embedding)
    assert (found.hidden_size, found.layers, found.vocabulary) == (32, 2, 120)
    assert (found.attention_heads, found.key_value_heads, found.head_dim) == (4, 2, 8)
    assert found.dtype == ("bfloat16" if case == "half" else "float32")
    assert found.context_length == 256
    if case in ("moe", "qwenmoe"):
        experts = sum(p.numel() for name, p in model.named_parameters() if ".experts." in name)
        assert found.experts == 4 and found.experts_per_token == 2
        assert found.active_parameters == found.parameters - experts // 2
    else:
        assert found.active_parameters == found.parameters


def stored_again(directory: Path, more: Any) -> None:
    """Adds tensors to the weights as they were saved."""
    from safetensors.torch import load_file, save_file

    path = str(directory / "model.safetensors")
    save_file({**load_file(path), **more}, path, metadata={"format": "pt"})


def test_masks_that_older_exports_store_are_no_parameters(tmp_path: Path) -> None:
    """The hub's gpt2 has them under the name of a bias."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    settings = GPT2Config(n_layer=2, n_embd=16, n_head=2, vocab_size=100, n_positions=64)
    model = GPT2LMHeadModel(settings)
    model.save_pretrained(tmp_path / "gpt2")
    mask = torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64)
    stored_again(
        tmp_path / "gpt2",
        {f"transformer.h.{layer}.attn.bias": mask.clone() for layer in range(2)}
        | {"transformer.h.0.attn.masked_bias": torch.tensor(-1e4)},
    )
    assert facts(tmp_path, "gpt2").parameters == sum(p.numel() for p in model.parameters())


BUFFERS = {
    "gpt_neox.layers.0.attention.bias": ("U8", (1, 1, 64, 64)),
    "gpt_neox.layers.0.attention.masked_bias": ("F16", ()),
    "gpt_neox.layers.0.attention.rotary_emb.inv_freq": ("F16", (8,)),
    "model.layers.0.self_attn.rotary_emb.inv_freq": ("F32", (64,)),
    "transformer.h.0.attn.attention.bias": ("U8", (1, 1, 64, 64)),
    "bert.embeddings.position_ids": ("I32", (1, 512)),
    "model.layers.3.mlp.gate.e_score_correction_bias": ("F32", (256,)),
}
BIASES = {
    "transformer.h.0.attn.c_attn.bias": ("F32", (48,)),
    "gpt_neox.layers.0.attention.dense.bias": ("F16", (64,)),
    "model.layers.0.self_attn.q_proj.bias": ("BF16", (64,)),
    "model.layers.0.attn.bias": ("F32", (64,)),
    "model.layers.3.mlp.moe_statics.e_score_correction_bias": ("F32", (1, 64)),
    "model.embed_positions.weight": ("F32", (64, 16)),
    "model.layers.0.rotary.weight": ("F32", (4, 4)),
}


@pytest.mark.parametrize("name", BUFFERS)
def test_a_buffer_is_not_counted(name: str) -> None:
    assert parameters_of({name: BUFFERS[name]}) == {}


@pytest.mark.parametrize("name", BIASES)
def test_a_parameter_of_a_like_name_is_counted(name: str) -> None:
    assert parameters_of({name: BIASES[name]}) == {name: BIASES[name]}


def test_an_adapter_adds_what_the_facts_say(tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    model = build("Llama", tie_word_embeddings=False)
    model.save_pretrained(tmp_path / "base")
    whole = facts(tmp_path, "base")
    for rank in (1, 8):
        copy = build("Llama", tie_word_embeddings=False)
        tuned = get_peft_model(
            copy, LoraConfig(r=rank, target_modules="all-linear", task_type="CAUSAL_LM")
        )
        trainable = sum(p.numel() for p in tuned.parameters() if p.requires_grad)
        assert trainable == rank * whole.adapter_parameters_per_rank
    tuned.peft_config["default"].base_model_name_or_path = "base"
    tuned.save_pretrained(tmp_path / "adapter")
    found = facts(tmp_path, "adapter")
    assert found.adapter and found.adapter_rank == 8 and found.base_model == "base"
    assert found.parameters == whole.parameters
    shutil.rmtree(tmp_path / "base")
    with pytest.raises(InspectionError):
        facts(tmp_path, "adapter")


def test_a_tied_head_stored_twice_counts_once(tmp_path: Path) -> None:
    make_bare_model(tmp_path / "m")
    shapes = {"model.embed_tokens.weight": ("F32", (100, 16)), "lm_head.weight": ("F32", (100, 16))}
    write_safetensors(tmp_path / "m" / "model.safetensors", shapes)
    assert facts(tmp_path, "m").parameters == 1600


QUANTIZED = {
    "gptq": (
        {"quant_method": "gptq", "bits": 4},
        {
            "q_proj.qweight": ("I32", (4, 64)), "q_proj.qzeros": ("I32", (1, 8)),
            "q_proj.scales": ("F16", (1, 64)), "q_proj.g_idx": ("I32", (32,)),
        },
    ),
    "awq": (
        {"quant_method": "awq", "bits": 4},
        {
            "q_proj.qweight": ("I32", (32, 8)), "q_proj.qzeros": ("I32", (1, 8)),
            "q_proj.scales": ("F16", (1, 64)),
        },
    ),
    "bitsandbytes": (
        {"quant_method": "bitsandbytes", "load_in_4bit": True},
        {
            "q_proj.weight": ("U8", (1024, 1)), "q_proj.weight.absmax": ("U8", (32,)),
            "q_proj.weight.quant_map": ("F32", (16,)),
            "q_proj.weight.quant_state.bitsandbytes__nf4": ("U8", (90,)),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", QUANTIZED)
def test_packed_weights_count_as_what_they_stand_for(tmp_path: Path, method: str) -> None:
    settings, packed = QUANTIZED[method]
    make_bare_model(
        tmp_path / "m", hidden_size=32, torch_dtype="float16", quantization_config=settings
    )
    shapes = {"model.embed_tokens.weight": ("F16", (100, 32))}
    shapes |= {f"model.layers.0.self_attn.{name}": shape for name, shape in packed.items()}
    write_safetensors(tmp_path / "m" / "model.safetensors", shapes)
    found = facts(tmp_path, "m")
    assert found.quantization == method
    assert found.parameters == 3200 + 64 * 32
    assert found.linear_parameters == 64 * 32
    assert found.adapter_parameters_per_rank == 64 + 32
    assert found.dtype == "float16"


def test_what_is_no_model(tmp_path: Path) -> None:
    model = make_bare_model(tmp_path / "m")
    with pytest.raises(
        InspectionError, match="no directory 'n' on the claim 'm'; beside it: m"
    ) as caught:
        facts(tmp_path, "n")
    assert caught.value.reason == "ModelNotFound"
    with pytest.raises(InspectionError, match=r"beside it: m\. Did you mean m\?"):
        facts(tmp_path, "mm")
    weights = model / "model.safetensors"
    whole = weights.read_bytes()
    for data, phrase in (
        (whole[:-4], "cut short"),
        (whole[:6], "not a whole safetensors file"),
        (b"\xff" * 64, "not a whole safetensors file"),
    ):
        weights.write_bytes(data)
        with pytest.raises(InspectionError, match=phrase) as caught:
            facts(tmp_path, "m")
        assert caught.value.reason == "ModelUnreadable"
    weights.rename(model / "pytorch_model.bin")
    with pytest.raises(InspectionError, match=r"only pytorch_model.bin"):
        facts(tmp_path, "m")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InspectionError, match=r"lacks model-1.safetensors.*2 of 2"):
        facts(tmp_path, "m")
    (model / "config.json").write_text("{")
    with pytest.raises(InspectionError, match=r"config.json of m/m is not JSON"):
        facts(tmp_path, "m")
    (model / "config.json").unlink()
    with pytest.raises(InspectionError, match=r"no config.json"):
        facts(tmp_path, "m")


def test_a_model_whose_code_is_in_its_own_files_is_refused(tmp_path: Path) -> None:
    code = {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}
    make_bare_model(tmp_path / "own", model_type="own", auto_map=code)
    with pytest.raises(InspectionError, match=r"own.Model.*never run") as caught:
        facts(tmp_path, "own")
    assert caught.value.reason == "ModelUnreadable"
    # Transformers' own code is used where it has the type.
    make_bare_model(tmp_path / "known", model_type="qwen2", auto_map=code)
    assert facts(tmp_path, "known").model_type == "qwen2"
    tokenizer = {"AutoTokenizer": ["own.Tokenizer", None]}
    make_bare_model(tmp_path / "tokenizer", model_type="own", auto_map=tokenizer)
    assert facts(tmp_path, "tokenizer").model_type == "own"
