"""What the planner, the command and the trainer must see alike."""

from __future__ import annotations

from pathlib import Path

REFERENCE_BATCH_FACTOR = 4
"""Training batches in one batch of the reference's pass ahead of training, which keeps one layer's
activations instead of all layers'."""
CPU_BF16_MIN_PARAMETERS = 1_000_000
"""Parameters below which a CPU trains quicker in fp32 than in bf16: `bench/train/processor.py`."""

CPU_EAGER_ATTENTION_MAX_TOKENS = 128
"""Tokens, up to which plain attention is quicker on a CPU than torch's own: `bench/train/settings.py`."""


def reference_batch_size(pairs: int, *, checkpointing: bool) -> int:
    """Pairs in one batch of the reference's pass ahead, where `pairs` are in one of training.

    With checkpointing, training keeps as little as that pass does, and there is no slack.
    """
    return pairs if checkpointing else REFERENCE_BATCH_FACTOR * pairs


def cpu_uses_eager_attention(length: int) -> bool:
    """Whether training on a CPU takes plain attention; its memory is small then."""
    return length <= CPU_EAGER_ATTENTION_MAX_TOKENS


def cpu_supports_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this machine's CPU multiplies bf16 itself; emulated, it is slower than fp32."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return False
    flags = {
        flag for line in text.splitlines() if line.startswith("flags") for flag in line.split()
    }
    return bool(flags & {"avx512_bf16", "amx_bf16"})
