"""Checkpoints: their size, how long writing one takes, how often that is done, and the time to stop."""

from __future__ import annotations

import math

from .memory import optimizer_bytes, trained_parameters
from .model_shape import ModelShape
from .training_option import DeviceSettings

WRITE_RATE = 125 * 2**20
"""Bytes per second at which a checkpoint is written: the baseline of an EBS gp3 volume, 125 MiB/s
(docs.aws.amazon.com/ebs, "General Purpose SSD volumes"). Most network volumes are faster."""
SAVE_SHARE = 0.05
"""Most of the time of training that checkpoints between evaluations may take."""
MINIMUM_INTERVAL_SECONDS = 900
"""Least time between them; a lost node costs at most that much work where a checkpoint is small."""
STOP_SECONDS = 60
"""Time to end the container beside saving: the signal, the processes, the files' digest, the last message."""


def checkpoint_bytes(shape: ModelShape, settings: DeviceSettings) -> float:
    """Compute the size of one checkpoint: fp32 trained weights and the optimizer's moments.

    Args:
        shape: The model.
        settings: Method, rank and optimizer.

    Returns:
        Bytes; 12 per trained parameter with AdamW.
    """
    return 4.0 * trained_parameters(shape, settings) + optimizer_bytes(shape, settings)


def save_seconds(shape: ModelShape, settings: DeviceSettings) -> float:
    """Predict the time of writing one checkpoint.

    Args:
        shape: The model.
        settings: Method, rank and optimizer.

    Returns:
        Seconds at WRITE_RATE.
    """
    return checkpoint_bytes(shape, settings) / WRITE_RATE


def save_interval_seconds(save: float) -> int:
    """Choose the longest time without a checkpoint.

    Args:
        save: Seconds that writing one takes.

    Returns:
        Seconds, enough that saving takes at most SAVE_SHARE of the time, at least
        MINIMUM_INTERVAL_SECONDS.
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
