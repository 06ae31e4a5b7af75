"""The facts of a model that planning needs, from its config and safetensors headers."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from dpojob_api.arguments import field_table
from dpojob_api.report import ModelFacts
from dpojob_api.value_display import show_value
from dpojob_trainer.shared.errors import ModelNotFound, ModelUnreadable

from .adapter import ADAPTER_WEIGHTS
from .files import ModelFiles, read_count, read_json, text_config
from .quantized import quantization_method, unpack_shapes
from .safetensors_header import Tensors
from .tokenizer_config import read_tokenizer_config

INDEX = "model.safetensors.index.json"
EXPERTS = ".experts."
AUTO_CLASSES = ("AutoModelForCausalLM", "AutoConfig")
"""The classes that training loads a model by, as config.json names their replacements in auto_map."""
NUMBERED_EXPERT = re.compile(r"\.experts\.\d+\.")
EMBEDDING = re.compile(r"(^|\.)(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings)\.weight$")
HEAD = re.compile(r"(^|\.)(lm_head|embed_out|output)\.weight$")
DTYPES = {
    "BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64", "I8": "int8",
    "U8": "uint8", "I32": "int32", "F8_E4M3": "float8", "F8_E5M2": "float8",
}  # fmt: skip


def read_facts(files: ModelFiles) -> ModelFacts:
    """Read the facts of a complete model or of an adapter.

    Args:
        files: The model's files.

    Returns:
        The facts; for an adapter those of its base model, marked as carrying an adapter.

    Raises:
        ModelNotFound: There is no config.json.
        ModelUnreadable: The files are not a model in the format of `from_pretrained`.
    """
    sizes = files.sizes()
    adapter = read_json(files, "adapter_config.json")
    config = read_json(files, "config.json")
    if adapter is not None and not _weight_files(files, sizes):
        return _adapter(files, adapter, sizes)
    if config is None:
        there = ", ".join(sorted(sizes)[:8]) or "nothing"
        raise ModelNotFound(
            f"{files.source} holds no config.json, so it is not a model as from_pretrained reads it; "
            f"it holds: {there}"
        )
    names = _weight_files(files, sizes)
    if not names:
        other = [name for name in sizes if name.endswith((".bin", ".gguf", ".pt", ".pth", ".h5"))]
        raise ModelUnreadable(
            f"{files.source} has no safetensors weights"
            + (f" (only {other[0]}); save it with safe_serialization" if other else "")
        )
    _check_code(files, config)
    tensors = _headers(files, names)
    weight_bytes = sum(sizes.get(name, 0) for name in names)
    facts = _whole(files, config, tensors, weight_bytes)
    return facts.model_copy(update={"fingerprint": files.fingerprint(names)})


def _check_code(files: ModelFiles, config: Mapping[str, Any]) -> None:
    """Raise ModelUnreadable where the model's code is files of its own, which training does not run."""
    code, kind = config.get("auto_map"), config.get("model_type")
    if not isinstance(code, dict) or kind in field_table()["modelTypes"]:
        return
    own = next((str(code[name]) for name in AUTO_CLASSES if name in code), None)
    if own is not None:
        raise ModelUnreadable(
            f"{files.source} is of the type {show_value(kind)}, whose code is in its own files ({own[:100]}), and code "
            "from a model's files is never run. Choose a model whose type transformers has"
        )


def _weight_files(files: ModelFiles, sizes: Mapping[str, int]) -> list[str]:
    """The safetensors files of the model itself, by the index where there is one."""
    if INDEX in sizes:
        index = read_json(files, INDEX) or {}
        shards = index.get("weight_map")
        if not isinstance(shards, dict) or not shards:
            raise ModelUnreadable(f"{INDEX} of {files.source} names no weight files")
        if not all(isinstance(name, str) for name in shards.values()):
            raise ModelUnreadable(
                f"weight_map in {INDEX} of {files.source} names a file by another value than text"
            )
        names = sorted(set(shards.values()))
        missing = [name for name in names if name not in sizes]
        if missing:
            raise ModelUnreadable(
                f"{files.source} lacks {missing[0]}, which {INDEX} names"
                + (f" ({len(missing)} of {len(names)} files)" if len(missing) > 1 else "")
            )
        return names
    if "model.safetensors" in sizes:
        return ["model.safetensors"]
    return []


def _headers(files: ModelFiles, names: list[str]) -> Tensors:
    return {key: tensor for name in names for key, tensor in files.header(name).items()}


def _whole(
    files: ModelFiles, config: dict[str, Any], tensors: Tensors, weight_bytes: int
) -> ModelFacts:
    text = text_config(config)
    quantization = quantization_method(config)
    shapes = unpack_shapes(tensors, config)
    embedding_names = [name for name in shapes if EMBEDDING.search(name) and len(shapes[name]) == 2]
    head_names = [name for name in shapes if HEAD.search(name) and len(shapes[name]) == 2]
    tied = bool(text.get("tie_word_embeddings", config.get("tie_word_embeddings", not head_names)))
    counted = dict(shapes)
    if tied and embedding_names:
        for name in head_names:
            # Some exports store the tied head a second time; from_pretrained keeps one.
            if counted[name] == shapes[embedding_names[0]]:
                del counted[name]
        head_names = []
    elements = {name: math.prod(shape) for name, shape in counted.items()}
    parameters = sum(elements.values())
    experts = read_count(text, "num_local_experts", "num_experts", "n_routed_experts")
    per_token = read_count(text, "num_experts_per_tok", "num_experts_per_token", "moe_top_k")
    routed = sum(count for name, count in elements.items() if _is_expert(name))
    active = parameters
    if experts and per_token and routed:
        active = parameters - routed + routed * min(per_token, experts) // experts
    linear = _linear(counted, {*embedding_names, *head_names})
    hidden = read_count(text, "hidden_size", "n_embd", "d_model", "dim")
    heads = read_count(text, "num_attention_heads", "n_head", "n_heads")
    vocabulary = max(
        (shapes[name][0] for name in embedding_names), default=read_count(text, "vocab_size")
    )
    architectures = config.get("architectures")
    return _validated(
        files,
        parameters=parameters,
        architecture=str(architectures[0])
        if isinstance(architectures, list) and architectures
        else "",
        model_type=str(config.get("model_type", "")),
        dtype=_dtype(tensors, config, quantization),
        hidden_size=hidden,
        intermediate_size=read_count(text, "intermediate_size", "n_inner", "ffn_dim", "d_ff"),
        layers=read_count(text, "num_hidden_layers", "n_layer", "n_layers"),
        attention_heads=heads,
        key_value_heads=read_count(text, "num_key_value_heads") or heads,
        head_dim=read_count(text, "head_dim") or (hidden // heads if heads else 0),
        vocabulary=vocabulary,
        context_length=read_count(
            text, "max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"
        ),
        embedding_parameters=sum(
            elements[name] for name in (*embedding_names, *head_names) if name in elements
        ),
        tied_embeddings=tied,
        experts=experts,
        experts_per_token=per_token if experts else 0,
        active_parameters=active,
        linear_parameters=sum(count * rows * columns for count, rows, columns in linear),
        adapter_parameters_per_rank=sum(
            count * (rows + columns) for count, rows, columns in linear
        ),
        weight_bytes=weight_bytes,
        quantization=quantization,
        chat_template=read_tokenizer_config(files).has_template,
        source=files.source,
        revision=files.revision,
    )


def _validated(files: ModelFiles, **fields: Any) -> ModelFacts:
    """The facts; raises InspectionError where one is out of range, such as the sum over many large tensors."""
    try:
        return ModelFacts(**fields)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ModelUnreadable(
            f"{name}, from the config and the weight headers of {files.source}, is not valid: {first['msg']}"
        ) from None


def _is_expert(name: str) -> bool:
    """Whether a tensor belongs to an expert that the router chooses, not to a shared one."""
    _, experts, rest = name.rpartition(EXPERTS)
    return bool(NUMBERED_EXPERT.search(name) or (experts and "shared" not in rest))


def _linear(
    shapes: Mapping[str, tuple[int, ...]], embeddings: set[str]
) -> list[tuple[int, int, int]]:
    """(number, out, in) of all linear weights outside the embeddings; stacked experts are several of one shape."""
    found = []
    for name, shape in shapes.items():
        if name in embeddings or "norm" in name.rsplit(".", 2)[-2:][0]:
            continue
        if len(shape) == 2 and not name.endswith("bias"):
            found.append((1, shape[0], shape[1]))
        elif len(shape) == 3 and _is_expert(name):
            found.append((shape[0], shape[1], shape[2]))
    return found


def _dtype(tensors: Tensors, config: dict[str, Any], quantization: str | None) -> str:
    if quantization is not None:
        text = text_config(config)
        stated = text.get("dtype") or text.get("torch_dtype")
        if stated:
            return str(stated)
    counts: Counter[str] = Counter()
    for dtype, shape in tensors.values():
        counts[dtype] += math.prod(shape)
    most = counts.most_common(1)
    return DTYPES.get(most[0][0], most[0][0].lower()) if most else ""


def _adapter(files: ModelFiles, config: dict[str, Any], sizes: Mapping[str, int]) -> ModelFacts:
    """The facts of the base model, marked as carrying an adapter."""
    if ADAPTER_WEIGHTS not in sizes:
        raise ModelUnreadable(
            f"{files.source} has an adapter_config.json and no {ADAPTER_WEIGHTS}; save the adapter with "
            "safe_serialization"
        )
    base = config.get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise ModelUnreadable(
            f"adapter_config.json of {files.source} names no base_model_name_or_path"
        )
    if config.get("peft_type", "LORA") != "LORA":
        raise ModelUnreadable(
            f"{files.source} is a {config.get('peft_type')} adapter; only LORA adapters are tuned on"
        )
    revision = config.get("revision")
    below = files.base(base, revision if isinstance(revision, str) else None)
    facts = read_facts(below)
    if facts.adapter:
        raise ModelUnreadable(
            f"{files.source} is an adapter on an adapter, {base}; merge one first"
        )
    own = read_tokenizer_config(files)
    fingerprints = (files.fingerprint([ADAPTER_WEIGHTS]), facts.fingerprint)
    return _validated(
        files,
        **{
            **facts.model_dump(),
            "adapter": True,
            "adapter_rank": read_count(config, "r"),
            "base_model": base,
            "base_revision": below.revision,
            "chat_template": own.has_template or facts.chat_template,
            "weight_bytes": facts.weight_bytes + sizes[ADAPTER_WEIGHTS],
            "source": files.source,
            "revision": files.revision,
            "fingerprint": "-".join(filter(None, fingerprints)) or None,
        },
    )
