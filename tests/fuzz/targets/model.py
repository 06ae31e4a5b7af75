"""The files of a model: facts that a report can hold, a tokenizer and a template, or an InspectionError."""

from __future__ import annotations

import json
import shutil
import struct
from functools import cache
from pathlib import Path

from tests.fuzz.target import Target
from tests.kit.inspection.tokenizer_models import make_model
from tests.kit.inspection.volume_fixture import make_bare_model

from dpojob_api.report import InspectionReport, ModelFacts
from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection import InspectionError, summary
from dpojob_trainer.inspection.model import check_adapter
from dpojob_trainer.inspection.tokenization import ModelContext
from dpojob_trainer.shared.termination_message import encode

from .readers import JSON_TOKENS
from .scratch import scratch

FILES = (
    "config.json", "model.safetensors.index.json", "adapter_config.json", "tokenizer_config.json",
    "tokenizer.json", "generation_config.json",
)  # fmt: skip
"""What an input holds after the header of the weights, separated by `SEPARATOR`; empty files do not exist."""
SEPARATOR = b"\0"
MOST_WEIGHT_BYTES = 1 << 40
"""The largest size of the weight file, which is a hole."""
SOURCE = ModelSource.model_validate({"volume": {"claimName": "data", "path": "model"}})
TOKENS = (
    "\0", '"dtype":"F32"', '"dtype":"I32"', '"shape":[', '"data_offsets":[0,', "model.embed_tokens.weight", "lm_head.weight",
    ".experts.", ".qweight", '"weight_map"', '"quantization_config"', '"bits":', '"quant_method":"gptq"', '"text_config"',
    '"hidden_size":', '"num_experts":', '"eos_token_id":', '"chat_template":', '"added_tokens_decoder"', '"vocab"',
    '"base_model_name_or_path":"../base"', '"r":', "model.safetensors",
)  # fmt: skip


@cache
def _volume() -> Path:
    """The volume, with the base model that adapters may name."""
    volume = scratch("model-volume/base").parent
    make_bare_model(volume / "base")
    return volume


def _data_bytes(header: bytes) -> int:
    """The end of the tensors of a header, as far as it can be read, so that the file is not cut short."""
    try:
        ends = [entry["data_offsets"][1] for entry in json.loads(header).values()]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return 0
    whole = [end for end in ends if type(end) is int]
    return min(max([0, *whole]), MOST_WEIGHT_BYTES)


def _write(directory: Path, data: bytes) -> bool:
    """Writes the files of an input; False for an adapter of a model on the hub, which is not asked."""
    header, *files = data.split(SEPARATOR, len(FILES))
    contents = {name: text for name, text in zip(FILES, files, strict=False) if text}
    if not _is_base_local(contents.get("adapter_config.json", b"")):
        return False
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for name, text in contents.items():
        (directory / name).write_bytes(text)
    weights = "adapter_model" if "adapter_config.json" in contents else "model"
    with (directory / f"{weights}.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + _data_bytes(header))
    return True


def _is_base_local(adapter: bytes) -> bool:
    try:
        base = json.loads(adapter or b"{}").get("base_model_name_or_path")
    except (ValueError, AttributeError, RecursionError):
        return True
    return not isinstance(base, str) or base.startswith(("/", "."))


def _check(data: bytes) -> None:
    volume = _volume()
    if not _write(volume / "model", data):
        return
    try:
        facts = _read(volume)
    except InspectionError as error:
        assert error.reason and error.message
        assert InspectionReport.model_validate_json(encode(error.report().wire()))
        return
    message = encode(summary(InspectionReport(valid=True, model=facts)))
    report = InspectionReport.model_validate_json(message)
    assert encode(report.wire()) == message


def _read(volume: Path) -> ModelFacts:
    context = ModelContext.open(SOURCE, {"data": volume}, None)
    context.counter()
    context.end_tokens()
    check_adapter(context.facts, context.files, context.tokenizer, "lora")
    return context.facts


def _seeds() -> tuple[bytes, ...]:
    directory = make_model(scratch("model-seed/config.json").parent, "{{ messages }}")
    weights = (directory / "model.safetensors").read_bytes()
    header = weights[8 : 8 + struct.unpack("<Q", weights[:8])[0]]
    config = (directory / "config.json").read_bytes()
    packed = {"q_proj.qweight": {"dtype": "I32", "shape": [4, 64], "data_offsets": [0, 1024]}}
    stacked = {"mlp.experts.up": {"dtype": "BF16", "shape": [2, 4, 8], "data_offsets": [0, 128]}}
    lora = {"q_proj.lora_A.weight": {"dtype": "F32", "shape": [8, 16], "data_offsets": [0, 512]}}
    quantized = {"model_type": "llama", "quantization_config": {"quant_method": "gptq", "bits": 4}}
    experts = {"hidden_size": 8, "num_experts": 2, "num_experts_per_tok": 1, "text_config": {}}
    index = {"weight_map": {"model.embed_tokens.weight": "model.safetensors"}}
    adapter = {"base_model_name_or_path": "../base", "peft_type": "LORA", "r": 8}
    tokenizer = {"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}}
    settings = {
        "eos_token": "a",
        "chat_template": "{{ messages }}",
        "added_tokens_decoder": {"1": {"content": "b"}},
    }

    def join(header: object, *files: object) -> bytes:
        texts = (
            part if isinstance(part, bytes) else json.dumps(part).encode()
            for part in (header, *files)
        )
        return SEPARATOR.join(texts)

    return (
        join(header, config),
        join(header, config, index),
        join(packed, quantized, b"", b"", settings, tokenizer, {"eos_token_id": [0, 1]}),
        join(stacked, experts),
        join(lora, b"", b"", adapter),
    )  # fmt: skip


TARGET = Target("model", _check, _seeds(), (*JSON_TOKENS, *TOKENS))
