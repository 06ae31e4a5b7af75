"""The model's shape as the memory and cost models use it, complete even if inspection found only a size."""

from __future__ import annotations

from dataclasses import dataclass

from dpojob_api.report import ModelFacts

TYPICAL_VOCABULARY = 152_064
"""Tokens in the vocabulary of a recent model (Qwen 2.5)."""
TYPICAL_ASPECT = 128
"""Hidden size over number of layers, in most models."""
TYPICAL_MLP = 3.5
"""Intermediate over hidden size."""

EXPERTS_WITHOUT_ADAPTER = frozenset({"qwen2_moe"})
"""peft's all-linear reaches the stacked experts of every family that transformers stacks as it does
Qwen2-MoE's, but not of that family itself (peft 0.21)."""
WITHOUT_HEAD_NORMS = frozenset(
    {"llama", "mistral", "mixtral", "qwen2", "qwen2_moe", "gemma", "gemma2", "phi", "phi3", "gpt2",
     "gpt_neox", "granite", "smollm3", "starcoder2", "stablelm", "falcon", "bloom", "opt"}
)  # fmt: skip
"""Families that do not normalise queries and keys. Others, and unknown ones, are assumed to do so."""

EAGER_ATTENTION = frozenset({"gemma2", "gemma4", "gpt_oss", "mimo_v2_flash", "vaultgemma"})
"""Families for which transformers 5.23 has no sdpa: attention scores are materialised."""
FOUR_NORMS = frozenset({"gemma2", "gemma3", "gemma3_text", "gemma4", "vaultgemma"})
"""Families that normalise the input and the output of attention and of the MLP."""


@dataclass(frozen=True)
class ModelShape:
    """Counts of elements. Every field is positive, except those on experts, which a dense model has as 0."""

    parameters: int
    hidden: int
    intermediate: int
    """Width of the MLP that every token passes: in a model with experts that of the shared experts, 0 without such."""
    layers: int
    heads: int
    queries: int
    """Attention heads x head size: width of the attention's output."""
    keys: int
    """Key-value heads x head size."""
    vocabulary: int
    embeddings: int
    """Parameters of the input embedding, and of the output when it is not tied."""
    linear: int
    """Parameters in the matrices of the layers."""
    adapter_per_rank: int
    """LoRA parameters at r = 1, over all matrices an adapter sits on."""
    experts: int
    experts_per_token: int
    expert_intermediate: int
    experts_adapted: bool
    """LoRA puts adapters on the experts as well."""
    head_norms: bool
    """Queries and keys are normalised."""
    norms: int
    """Norms of the residual stream in a layer."""
    eager_attention: bool
    """Attention scores are materialised, heads x length x length."""
    active: int
    """Parameters used for a token."""

    @property
    def tied(self) -> bool:
        """Whether the output projection is the input embedding."""
        return self.embeddings < 2 * self.head

    @property
    def head(self) -> int:
        """Parameters of the output projection."""
        return self.vocabulary * self.hidden

    @property
    def width(self) -> int:
        """Intermediate elements that one token passes through in a layer."""
        return self.intermediate + self.experts_per_token * self.expert_intermediate

    @property
    def expert_parameters(self) -> int:
        """Parameters in the experts of all layers: three matrices each."""
        return 3 * self.layers * self.experts * self.hidden * self.expert_intermediate

    @property
    def layer(self) -> int:
        """Parameters of one layer."""
        return (self.parameters - self.embeddings) // self.layers


def infer_model_shape(facts: ModelFacts) -> ModelShape:
    """Complete the model's shape with what a model of its size usually has.

    The assumed values grow with the number of parameters, so that a larger model never seems to need
    less memory.

    Args:
        facts: What inspection found out; 0 or None means not known. Only `parameters` is required.

    Returns:
        The complete shape.
    """
    parameters = max(1, facts.parameters)
    # 12 H^2 parameters in a layer and H / 128 layers make 12 H^3 / 128 in all.
    width = max(16, int((parameters * TYPICAL_ASPECT / 12) ** (1 / 3)))
    hidden = facts.hidden_size or width
    layers = facts.layers or max(1, hidden // TYPICAL_ASPECT)
    intermediate = facts.intermediate_size or int(TYPICAL_MLP * hidden)
    heads = facts.attention_heads or max(1, hidden // 128)
    head_size = facts.head_dim or max(1, hidden // heads)
    key_heads = facts.key_value_heads or heads
    queries, keys = heads * head_size, key_heads * head_size
    vocabulary = facts.vocabulary or min(TYPICAL_VOCABULARY, max(1, parameters // (2 * hidden)))
    embeddings = min(facts.embedding_parameters or vocabulary * hidden, parameters)
    linear = min(facts.linear_parameters or parameters - embeddings, parameters)
    expert_intermediate = 0
    if facts.experts:
        # Configs name the experts' width differently; the counts of parameters determine it.
        routed = _routed(facts, parameters, linear)
        expert_intermediate = routed // (3 * layers * facts.experts * hidden)
        attention = 2 * hidden * (queries + keys) + hidden * facts.experts
        intermediate = max(0, ((linear - routed) // layers - attention) // (3 * hidden))
    attention_per_rank = layers * (2 * hidden + 2 * queries + 2 * (hidden + keys))
    mlp_per_rank = layers * 3 * (hidden + intermediate) if intermediate else 0
    adapted = facts.experts > 0 and facts.model_type not in EXPERTS_WITHOUT_ADAPTER
    if adapted:
        # One matrix for each stack of experts, at twice the rank for the fused gate and up.
        per_expert = 3 * hidden + 5 * expert_intermediate
        mlp_per_rank += layers * (hidden + facts.experts * (per_expert + 1))
    per_rank = attention_per_rank + mlp_per_rank
    if not facts.experts:
        per_rank = facts.adapter_parameters_per_rank or per_rank
    return ModelShape(
        parameters=parameters,
        hidden=hidden,
        intermediate=intermediate,
        layers=layers,
        heads=heads,
        queries=queries,
        keys=keys,
        vocabulary=vocabulary,
        embeddings=embeddings,
        linear=linear,
        adapter_per_rank=per_rank,
        experts=facts.experts,
        experts_per_token=facts.experts_per_token,
        expert_intermediate=expert_intermediate,
        experts_adapted=adapted,
        norms=4 if facts.model_type in FOUR_NORMS else 2,
        eager_attention=facts.model_type in EAGER_ATTENTION,
        head_norms=facts.model_type not in WITHOUT_HEAD_NORMS,
        active=facts.active_parameters or parameters,
    )


def _routed(facts: ModelFacts, parameters: int, linear: int) -> int:
    """Parameters in the experts that tokens are routed to."""
    # A token uses `experts_per_token` of `experts`: the parameters that are idle for it are the share
    # of the other experts.
    idle = parameters - facts.active_parameters
    if facts.active_parameters and 0 < facts.experts_per_token < facts.experts:
        return min(linear, idle * facts.experts // (facts.experts - facts.experts_per_token))
    return linear
