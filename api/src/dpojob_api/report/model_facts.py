"""The part of the inspection report about the model."""

from __future__ import annotations

from pydantic import Field

from dpojob_api.base import Count, LenientModel


class ModelFacts(LenientModel):
    """The model from its config and safetensors headers alone; weights are never loaded.

    Counts are numbers of elements, not bytes.
    """

    parameters: Count = Field(description="Exact number of parameters, tied weights counted once.")
    architecture: str = ""
    model_type: str = ""
    dtype: str = Field(default="", description="Of most weights: bfloat16, float16, float32, ...")
    hidden_size: Count = 0
    intermediate_size: Count = 0
    layers: Count = 0
    attention_heads: Count = 0
    key_value_heads: Count = 0
    head_dim: Count = 0
    vocabulary: Count = 0
    context_length: Count = 0
    embedding_parameters: Count = Field(
        default=0, description="Input embedding, and output when not tied."
    )
    tied_embeddings: bool = False
    experts: Count = Field(default=0, description="Experts per layer; 0 for a dense model.")
    experts_per_token: Count = 0
    active_parameters: Count = Field(
        default=0, description="Used per token; `parameters` for dense models."
    )
    linear_parameters: Count = Field(
        default=0,
        description="In two-dimensional weights outside embeddings: what LoRA adapts and QLoRA quantises.",
    )
    adapter_parameters_per_rank: Count = Field(
        default=0, description="Sum of (in + out) over those weights: LoRA parameters at r = 1."
    )
    weight_bytes: Count = Field(default=0, description="Size of the weight files.")
    chat_template: bool = False
    quantization: str | None = Field(
        default=None, description="Of weights as stored: gptq, awq, bitsandbytes, ..."
    )
    adapter: bool = Field(
        default=False, description="The source holds a PEFT adapter, not a whole model."
    )
    adapter_rank: Count = 0
    base_model: str | None = Field(default=None, description="Of an adapter: what it sits on.")
    base_revision: str | None = None
    source: str = Field(
        default="", description="The repository, or claim and path, as a person would name it."
    )
    revision: str | None = Field(
        default=None, description="The commit a repository's revision resolved to."
    )
    fingerprint: str | None = Field(
        default=None,
        description="Of a model on a volume: a digest over its files' sizes and parts of their content; an "
        "adapter's, then its base's.",
    )
