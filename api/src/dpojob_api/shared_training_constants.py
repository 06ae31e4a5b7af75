"""Settings of training on which the planner, the command and the trainer must agree."""

from __future__ import annotations

import math
from pathlib import Path

EVALUATIONS = 10
"""Evaluations of a run, each with its checkpoint, where they take little of its time."""
REFERENCE_BATCH_FACTOR = 4
"""Training batches in one batch of the reference's forward pass before training, which keeps the
activations of one layer instead of all layers."""
CPU_BF16_MIN_PARAMETERS = 1_000_000
"""Parameters below which a CPU trains faster in fp32 than in bf16: `bench/train/processor.py`."""

CPU_EAGER_ATTENTION_MAX_TOKENS = 128
"""Tokens up to which eager attention is faster on a CPU than torch's sdpa: `bench/train/settings.py`."""

CPU_MODEL = "CPU"
"""`gpu.model` of a pool without GPUs, whose resource is only counted: development clusters, and the machine
of `dpojob train`. Training then runs on the processor."""
GPU_MEMORY_TOLERANCE = 0.98
"""Share of the memory that a plan counts on which a GPU must report at least: drivers differ by some hundred
MiB in what they keep, and a GPU of a smaller kind lacks far more."""

PREFIX_SHARING_MODEL_TYPES = (
    "gemma2", "gemma3_text", "granite", "llama", "mistral", "mixtral", "olmo2", "phi3", "qwen2", "qwen3",
    "qwen3_moe", "smollm3",
)  # fmt: skip
"""`model_type` of families that compute the same with shared prefixes: for each of them
`tests/trainer/training/prefix_sharing/test_shared_backbone.py` compares log-probabilities and gradients."""

PREFIX_SHARING_ATTENTION = ("sdpa", "eager", "flex_attention")
"""Implementations of attention that take a mask of any shape; flash attention does not."""

SAVE_SHARE = 0.05
"""Most of the time of training that checkpoints between evaluations may take."""
MINIMUM_INTERVAL_SECONDS = 900
"""Least time between them; a lost node costs at most that much work where a checkpoint is small."""
STOP_SECONDS = 60
"""Time to end the container beside saving: the signal, the processes, the files' digest, the last message."""

ANSWERED_PROMPTS = 32
"""Most prompts that both models answer after training without spec.evaluation."""
ANSWER_TOKENS = 128
"""Longest of these answers, tokens."""
ANSWER_SECONDS = 300.0
"""Longest time for them."""
JUDGED_ANSWER_TOKENS = 512
"""Longest answer that is judged, tokens."""
ANSWER_BATCH = 16
"""Prompts that a model answers at a time."""
TASK_TIME_SHARE = 1 / 3
"""Share of evaluation.maxDuration for the tasks where a judge is asked as well; alone they have all of it."""
ANSWER_TIME_SHARE = 2 / 3
"""Share of evaluation.maxDuration when the answers end; the rest is for the judge."""
EVERY_EVAL_PROMPTS = 32
"""Most prompts that are judged at each evaluation of the training, with answers of ANSWER_TOKENS tokens."""
FEWEST_PROMPTS = 20
"""Judged prompts below which there is no verdict."""
FEWEST_JUDGED_DURING = 10
"""Prompts below which no checkpoint is judged: their win rate would be noise."""
JUDGE_THREADS = 8
"""Requests to evaluation.judge.endpoint at a time."""
JUDGE_REPLY_TOKENS = 2048
"""Longest reply of it, tokens, those in which a model reasons included."""


def prompts_judged_during(prompts: int) -> int:
    """Share the prompts of an evaluation with evaluation.everyEval.

    Args:
        prompts: All that are held out.

    Returns:
        How many are judged at each evaluation of the training: at most a third, and EVERY_EVAL_PROMPTS. None
        where a third is less than FEWEST_JUDGED_DURING, so that none is taken from the verdict in vain. The
        others are for the verdict after it.
    """
    during = min(EVERY_EVAL_PROMPTS, prompts // 3)
    return during if during >= FEWEST_JUDGED_DURING else 0


def reference_batch_size(pairs: int, *, checkpointing: bool) -> int:
    """Compute the batch size of the reference's forward pass before training.

    Args:
        pairs: Preference pairs in one batch of training, per device.
        checkpointing: Whether training recomputes activations. It then keeps as little memory as that
            pass does, and a larger batch would not fit.

    Returns:
        Preference pairs per device.
    """
    return pairs if checkpointing else REFERENCE_BATCH_FACTOR * pairs


def remaining_seconds(
    steps: float,
    step_seconds: float,
    evaluations: float,
    evaluation_seconds: float,
    checkpoints: float,
    checkpoint_seconds: float,
) -> float:
    """Add up the time of the steps, evaluations and checkpoints that are left.

    The planner predicts a whole run by it, and the trainer the rest of one from measured times.

    Args:
        steps: Optimizer steps.
        step_seconds: Seconds of one of them.
        evaluations: Evaluations.
        evaluation_seconds: Seconds of one of them.
        checkpoints: Checkpoints.
        checkpoint_seconds: Seconds of writing one of them.

    Returns:
        Seconds.
    """
    return (
        steps * step_seconds + evaluations * evaluation_seconds + checkpoints * checkpoint_seconds
    )


def save_interval_seconds(save: float) -> int:
    """Choose the longest time without a checkpoint.

    Args:
        save: Seconds that writing one takes.

    Returns:
        Seconds, of which saving takes at most SAVE_SHARE; at least MINIMUM_INTERVAL_SECONDS.
    """
    return max(MINIMUM_INTERVAL_SECONDS, math.ceil(save / SAVE_SHARE))


def grace_period_seconds(save: float, step: float) -> int:
    """Compute the time a training pod needs to stop: the step it is in, the checkpoint, and the end.

    Args:
        save: Seconds that writing a checkpoint takes.
        step: Seconds of one optimizer step.

    Returns:
        Seconds, for terminationGracePeriodSeconds.
    """
    return math.ceil(STOP_SECONDS + step + save)


def cpu_uses_eager_attention(length: int) -> bool:
    """Tell whether training on a CPU uses eager attention, whose memory is small for short rows.

    Args:
        length: `training.maxLength`, tokens.

    Returns:
        Whether the length is at most CPU_EAGER_ATTENTION_MAX_TOKENS.
    """
    return length <= CPU_EAGER_ATTENTION_MAX_TOKENS


def cpu_supports_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Tell whether this machine's CPU multiplies bf16 in hardware; emulated, it is slower than fp32.

    Args:
        cpuinfo: The kernel's description of the processors.

    Returns:
        Whether one of the flags avx512_bf16 and amx_bf16 is set; False where the file is missing.
    """
    try:
        text = cpuinfo.read_text()
    except OSError:
        return False
    flags = {
        flag for line in text.splitlines() if line.startswith("flags") for flag in line.split()
    }
    return bool(flags & {"avx512_bf16", "amx_bf16"})
