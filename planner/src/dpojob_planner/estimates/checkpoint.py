"""Checkpoints: their size, and how long writing one takes."""

from __future__ import annotations

from .memory import optimizer_bytes, trained_parameters
from .model_shape import ModelShape
from .training_option import DeviceSettings

WRITE_RATE = 125 * 2**20
"""Bytes per second at which a checkpoint is written: the baseline of an EBS gp3 volume, 125 MiB/s
(docs.aws.amazon.com/ebs, "General Purpose SSD volumes"). Most network volumes are faster."""


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
