"""The model shapes and training settings that are simulated, written by hand from public configs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

COMMON = {"max_position_embeddings": 32768, "use_cache": False}

SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen2.5-0.5b": ("Qwen2Config", {
        "vocab_size": 151936, "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
        "num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": True,
    }),
    "qwen2.5-1.5b": ("Qwen2Config", {
        "vocab_size": 151936, "hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28,
        "num_attention_heads": 12, "num_key_value_heads": 2, "tie_word_embeddings": True,
    }),
    "qwen2.5-3b": ("Qwen2Config", {
        "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 11008, "num_hidden_layers": 36,
        "num_attention_heads": 16, "num_key_value_heads": 2, "tie_word_embeddings": True,
    }),
    "qwen2.5-7b": ("Qwen2Config", {
        "vocab_size": 152064, "hidden_size": 3584, "intermediate_size": 18944, "num_hidden_layers": 28,
        "num_attention_heads": 28, "num_key_value_heads": 4, "tie_word_embeddings": False,
    }),
    "llama-3.1-8b": ("LlamaConfig", {
        "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": False,
    }),
    "olmoe-1b-7b": ("OlmoeConfig", {
        "vocab_size": 50304, "hidden_size": 2048, "intermediate_size": 1024, "num_hidden_layers": 16,
        "num_attention_heads": 16, "num_key_value_heads": 16, "num_experts": 64,
        "num_experts_per_tok": 8, "tie_word_embeddings": False,
    }),
    "smollm2-135m": ("LlamaConfig", {
        "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True,
    }),
    "qwen3-0.6b": ("Qwen3Config", {
        "vocab_size": 151936, "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
        "tie_word_embeddings": True,
    }),
    "llama-3.2-1b": ("LlamaConfig", {
        "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 64,
        "tie_word_embeddings": True,
    }),
    "mistral-7b": ("MistralConfig", {
        "vocab_size": 32768, "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "sliding_window": None,
        "tie_word_embeddings": False,
    }),
    "qwen2.5-14b": ("Qwen2Config", {
        "vocab_size": 152064, "hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 48,
        "num_attention_heads": 40, "num_key_value_heads": 8, "tie_word_embeddings": False,
    }),
    "qwen1.5-moe-a2.7b": ("Qwen2MoeConfig", {
        "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 5632,
        "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632,
        "num_hidden_layers": 24, "num_attention_heads": 16, "num_key_value_heads": 16,
        "num_experts": 60, "num_experts_per_tok": 4, "tie_word_embeddings": False,
    }),
    "gemma-2-2b": ("Gemma2Config", {
        "vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216, "num_hidden_layers": 26,
        "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256,
        "tie_word_embeddings": True,
    }),
    "phi-3-mini": ("Phi3Config", {
        "vocab_size": 32064, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 32, "tie_word_embeddings": False,
        "pad_token_id": 0,
    }),
    "qwen3-1.7b": ("Qwen3Config", {
        "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28,
        "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
        "tie_word_embeddings": True,
    }),
    "mixtral-small": ("MixtralConfig", {
        "vocab_size": 32000, "hidden_size": 2048, "intermediate_size": 3584, "num_hidden_layers": 16,
        "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8,
        "num_experts_per_tok": 2, "tie_word_embeddings": False,
    }),
    "llama-3.2-3b": ("LlamaConfig", {
        "vocab_size": 128256, "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 28,
        "num_attention_heads": 24, "num_key_value_heads": 8, "head_dim": 128,
        "tie_word_embeddings": True,
    }),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One training step to simulate."""

    shape: str
    method: str
    pairs: int
    length: int = 1024
    checkpointing: bool = True
    precompute: bool = False
    rank: int = 16
    prompt: int = 0
    """Tokens of each row that chosen and rejected begin with and that are computed once; 0: nothing is shared."""

    @property
    def key(self) -> str:
        marks = f"{'-pre' if self.precompute else ''}{'' if self.checkpointing else '-nock'}"
        marks += f"-shared{self.prompt}" if self.prompt else ""
        return f"{self.shape}/{self.method}{marks}/{self.pairs}x{self.length}"

    def fields(self) -> dict[str, Any]:
        return asdict(self)


FITTED: tuple[Case, ...] = (
    Case("qwen2.5-0.5b", "full", 1),
    Case("qwen2.5-0.5b", "full", 1, checkpointing=False),
    Case("qwen2.5-0.5b", "lora", 1),
    Case("qwen2.5-0.5b", "lora", 1, checkpointing=False),
    Case("qwen2.5-0.5b", "full", 4),
    Case("qwen2.5-0.5b", "full", 8, precompute=True),
    Case("qwen2.5-0.5b", "lora", 8, checkpointing=False),
    Case("qwen2.5-1.5b", "lora", 1, checkpointing=False),
    Case("qwen2.5-1.5b", "lora", 8),
    Case("qwen2.5-1.5b", "full", 2, precompute=True),
    Case("llama-3.1-8b", "lora", 1),
    Case("olmoe-1b-7b", "lora", 1),
    Case("olmoe-1b-7b", "full", 1, precompute=True),
    Case("qwen2.5-3b", "lora", 2),
    Case("qwen2.5-3b", "full", 1),
    Case("qwen2.5-3b", "lora", 4, checkpointing=False),
    Case("qwen2.5-7b", "lora", 2),
    Case("qwen2.5-7b", "full", 1, precompute=True),
    Case("llama-3.1-8b", "lora", 2, checkpointing=False),
    Case("llama-3.1-8b", "lora", 1, length=4096),
    Case("qwen2.5-1.5b", "full", 1, length=2048, checkpointing=False),
    Case("qwen2.5-0.5b", "full", 2, length=4096),
    Case("olmoe-1b-7b", "lora", 2, checkpointing=False),
)
"""The memory model's terms were derived by reading the code and corrected on these."""

CORRECTED: tuple[Case, ...] = (
    Case("smollm2-135m", "full", 8, checkpointing=False),
    Case("smollm2-135m", "full", 16, length=512),
    Case("qwen3-0.6b", "full", 2),
    Case("qwen3-0.6b", "lora", 2, length=2048, checkpointing=False, rank=64),
    Case("llama-3.2-1b", "full", 4, precompute=True),
    Case("llama-3.2-1b", "lora", 4, rank=64),
    Case("mistral-7b", "lora", 4),
    Case("mistral-7b", "full", 2),
    Case("qwen2.5-14b", "lora", 1, checkpointing=False),
    Case("qwen1.5-moe-a2.7b", "lora", 1),
    Case("qwen1.5-moe-a2.7b", "lora", 1, checkpointing=False),
    Case("qwen1.5-moe-a2.7b", "full", 1),
)
"""Simulated next. Nine were predicted within 3%; qwen3 without checkpointing was 15% too low (norms on
queries and keys) and qwen1.5-moe with LoRA up to 88% too high (peft leaves its experts alone). Both
became terms of the model."""

HELD_OUT: tuple[Case, ...] = (
    Case("llama-3.2-3b", "lora", 2, checkpointing=False),
    Case("qwen3-1.7b", "full", 1, checkpointing=False),
    Case("qwen3-1.7b", "lora", 4),
    Case("gemma-2-2b", "lora", 1, checkpointing=False),
    Case("gemma-2-2b", "full", 1, precompute=True),
    Case("phi-3-mini", "lora", 2, checkpointing=False),
    Case("phi-3-mini", "lora", 2),
    Case("mixtral-small", "lora", 2, checkpointing=False),
    Case("mixtral-small", "lora", 2),
)
"""Simulated last. Eight were predicted within 5.5%, never more than 1% below. Gemma-2 without
checkpointing was 24% too low: transformers has no sdpa for it, so attention scores are written out. That
became a term of the model. mixtral-small is a Mixtral of smaller size."""

SHARED: tuple[Case, ...] = (
    Case("smollm2-135m", "full", 4, length=2048, precompute=True, prompt=384),
)
"""With shared prefixes. The model counts the activations of two whole rows, which a batch of long answers after short
prompts needs, and the mask of a row of twice the length. So it may be above these, the more the longer the prompt is."""

CASES = FITTED + CORRECTED + HELD_OUT + SHARED
