"""Random models of Qwen2.5's shapes, built on the device: no download and no file."""

from __future__ import annotations

import gc
from typing import Any

from bench.memory.shapes import COMMON, SHAPES

from dpojob_api.report import ModelFacts

TINY = {
    "vocab_size": 1024, "hidden_size": 64, "intermediate_size": 160, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True,
}  # fmt: skip
"""What the rehearsal takes for every shape. The smallest sizes that 4-bit blocks divide."""


def fields_of(shape: str, rehearsal: bool) -> dict[str, Any]:
    """The fields of Qwen2Config of a shape such as qwen2.5-0.5b."""
    fields = SHAPES[shape][1]
    if rehearsal:
        # The larger shapes differ in the number of layers, as a fit over them needs.
        layers = {"qwen2.5-0.5b": 2, "qwen2.5-1.5b": 3, "qwen2.5-7b": 4}[shape]
        tied = fields["tie_word_embeddings"]
        return {**TINY, "num_hidden_layers": layers, "tie_word_embeddings": tied}
    return fields


def device() -> str:
    """Where the benchmark computes."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def compute_dtype() -> Any:
    """The 16-bit type that the card computes in; fp32 on the CPU."""
    import torch

    if device() == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.get_device_capability() >= (8, 0) else torch.float16


class ModelCache:
    """The last model that was built, since neighbouring cells use the same one."""

    def __init__(self) -> None:
        self._key: tuple[Any, ...] | None = None
        self._model: Any = None

    def get(self, shape: str, method: str, rehearsal: bool) -> Any:
        """A model with the weights' type of a method: fp32 for full, 4-bit matrices for qlora."""
        key = (shape, method, rehearsal)
        if key != self._key:
            self.clear()
            fields = fields_of(shape, rehearsal)
            self._model = random_quantised(fields) if method == "qlora" else random_model(fields, method)  # fmt: skip
            self._key = key
        return self._model

    def clear(self) -> None:
        """Free the model."""
        import torch

        self._key = self._model = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


MODELS = ModelCache()


def random_model(fields: dict[str, Any], method: str) -> Any:
    """A causal language model with random weights."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(0)
    dtype = torch.float32 if method == "full" else compute_dtype()
    with torch.device(device()):
        return AutoModelForCausalLM.from_config(Qwen2Config(**COMMON, **fields), dtype=dtype)


def random_quantised(fields: dict[str, Any]) -> Any:
    """The same with the layers' matrices in 4 bits, made one by one: the 16-bit model never exists."""
    import torch
    from transformers import AutoModelForCausalLM, Qwen2Config

    torch.manual_seed(0)
    dtype, config = compute_dtype(), Qwen2Config(**COMMON, **fields)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    for name, module in list(model.named_modules()):
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            parent, _, child = name.rpartition(".")
            setattr(model.get_submodule(parent), child, _random_linear4bit(module, dtype))
        else:
            for key, parameter in list(module.named_parameters(recurse=False)):
                setattr(module, key, torch.nn.Parameter(_random(parameter, dtype)))
    # Its frequencies are computed when it is made, and were lost on the meta device.
    with torch.device(device()):
        model.model.rotary_emb = type(model.model.rotary_emb)(config=config)
    model.tie_weights()
    model.is_loaded_in_4bit = True
    return model


def _random(parameter: Any, dtype: Any) -> Any:
    import torch

    values = torch.empty(parameter.shape, dtype=dtype, device=device())
    # The only vectors outside linear layers are the norms' weights.
    return values.fill_(1.0) if parameter.dim() == 1 else values.normal_(std=0.02)


def _random_linear4bit(module: Any, dtype: Any) -> Any:
    """Makes a layer as the trainer loads it for QLoRA: nf4 with double quantisation."""
    import torch
    from bitsandbytes.nn import Linear4bit, Params4bit

    made = Linear4bit(
        module.in_features, module.out_features, bias=module.bias is not None, device="meta",
        compute_dtype=dtype, compress_statistics=True, quant_type="nf4", quant_storage=dtype,
    )  # fmt: skip
    made.weight = Params4bit(
        _random(module.weight, dtype), requires_grad=False, compress_statistics=True,
        quant_type="nf4", quant_storage=dtype, module=made,
    ).to(device())  # fmt: skip
    if module.bias is not None:
        made.bias = torch.nn.Parameter(torch.zeros(module.out_features, dtype=dtype, device=device()))  # fmt: skip
    if hasattr(made, "support_avx512bf16_for_cpu"):
        made.support_avx512bf16_for_cpu = False
    return made


def facts_of(fields: dict[str, Any]) -> ModelFacts:
    """What inspection would report of a model of these fields."""
    hidden, layers = fields["hidden_size"], fields["num_hidden_layers"]
    heads, inner = fields["num_attention_heads"], fields["intermediate_size"]
    keys = fields["num_key_value_heads"] * hidden // heads
    head = fields["vocab_size"] * hidden
    embeddings = head if fields["tie_word_embeddings"] else 2 * head
    matrices = layers * (2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * inner)
    biases, norms = layers * (hidden + 2 * keys), (2 * layers + 1) * hidden
    return ModelFacts(
        parameters=embeddings + matrices + biases + norms,
        model_type="qwen2",
        hidden_size=hidden,
        intermediate_size=inner,
        layers=layers,
        attention_heads=heads,
        key_value_heads=fields["num_key_value_heads"],
        vocabulary=fields["vocab_size"],
        embedding_parameters=embeddings,
        tied_embeddings=fields["tie_word_embeddings"],
        linear_parameters=matrices,
    )
