"""What is estimated: a method with its settings on one GPU and the number of GPUs."""

from __future__ import annotations

from dataclasses import dataclass

from dpojob_api.plan import Method, Optimizer


@dataclass(frozen=True)
class DeviceSettings:
    """How a model is trained on one GPU."""

    method: Method
    pairs: int
    """Preference pairs per device and forward; each is two rows."""
    length: int
    """Tokens per row."""
    checkpointing: bool = True
    precompute: bool = False
    """The reference's log-probabilities are computed before training."""
    accumulated: bool = True
    """Gradients of an earlier micro-batch are alive during the forward."""
    rank: int = 16
    """LoRA rank."""
    optimizer: Optimizer = "adamw"
    reference_adapter: bool = False
    """An adapter is trained further: a frozen copy of it is the reference."""
    replicas: int = 1
    """GPUs that each hold the whole model (data parallel): gradient buckets are added."""
    shared_prefixes: bool = False
    """A pair is one row of prompt and both answers, with a mask that keeps the answers apart."""
    shards: int = 1
    """GPUs over which weights, gradients and optimizer are divided (FSDP)."""

    @property
    def tokens(self) -> int:
        """Tokens of one forward: chosen and rejected, padded to the full length."""
        return 2 * self.pairs * self.length


@dataclass(frozen=True)
class Strategy:
    """A training method with its optimizer, with or without a precomputed reference."""

    method: Method
    precompute: bool = False
    optimizer: Optimizer = "adamw"

    @property
    def eight_bit(self) -> bool:
        """Whether the optimizer is of bitsandbytes, with 8-bit moments."""
        return self.optimizer == "adamw_8bit"

    @property
    def saves_only_time(self) -> bool:
        """Whether it needs as much memory as the strategy before it: an adapter has no reference copy."""
        return self.precompute and self.method != "full"

    def __str__(self) -> str:
        names = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA"}
        additions = ["8-bit AdamW"] * self.eight_bit + ["precomputed reference"] * self.precompute
        return names[self.method] + (f" with {' and '.join(additions)}" if additions else "")


@dataclass(frozen=True)
class TrainingOption:
    """The settings of a training on a number of GPUs of a pool; the global batch is exact."""

    strategy: Strategy
    settings: DeviceSettings
    accumulation: int
    """Micro-batches per optimizer step."""
    gpus: int
