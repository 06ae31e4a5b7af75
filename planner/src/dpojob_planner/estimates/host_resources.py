"""Main memory and disk space that a training pod needs, apart from the GPU.

Assumptions about the trainer (dpojob_trainer.training):

- every process loads the whole model into main memory before it moves to the GPU, in fp32 for full
  fine-tuning with a copy as reference, in 16 bits for LoRA; QLoRA quantises tensor by tensor on the GPU;
- an adapter is merged in main memory, in fp32, by one process after training;
- a sharded model is gathered in the main memory of one process for each checkpoint.
"""

from __future__ import annotations

import math

from dpojob_api.report import ModelFacts
from dpojob_api.spec import DPOJobSpec

from .checkpoint import checkpoint_bytes
from .memory import GIB, adapter_parameters
from .model_shape import ModelShape
from .training_option import DeviceSettings

PROCESS_GIB = 2.0
"""Python, torch and TRL with their libraries, and the host's share of a CUDA context. An assumption; no card
has confirmed it."""
DATASET_GIB = 1.0
"""Rows that are read and tokenised at a time, in all processes; files are mapped and stay on disk."""
DATASET_SCRATCH_GIB = 4.0
"""A dataset that is downloaded, tokenised rows and temporary files."""
SPARE = 1.1
"""Factor on everything that depends on the model's size."""


def host_memory_gib(
    spec: DPOJobSpec, shape: ModelShape, settings: DeviceSettings, processes: int
) -> int:
    """Predict the main memory that a training pod needs.

    Args:
        spec: The job's spec: whether the adapter is merged.
        shape: The model.
        settings: Method and what is done on one GPU.
        processes: Processes in the pod, one for each of its GPUs.

    Returns:
        Whole GiB.
    """
    if settings.method == "full":
        copies = 1.0 if settings.precompute else 2.0
        loading = 4.0 * copies * shape.parameters
    else:
        loading = 2.0 * shape.parameters if settings.method == "lora" else 0.0
    merging = 4.0 * shape.parameters if _merges(spec, settings) else 0.0
    gathering = checkpoint_bytes(shape, settings) if settings.shards > 1 else 0.0
    largest = SPARE * max(loading * processes, merging, gathering) / GIB
    return math.ceil(PROCESS_GIB * processes + DATASET_GIB + largest)


def scratch_gib(
    spec: DPOJobSpec, facts: ModelFacts, shape: ModelShape, settings: DeviceSettings, output: int
) -> int:
    """Predict the disk space that a training pod needs beside its volumes.

    Args:
        spec: The job's spec: where the model comes from and where the output goes.
        facts: The model: the size of its files, and whether it is an adapter with a base of its own.
        shape: The model.
        settings: Method and rank.
        output: Size of the model with the checkpoints of its training, GiB.

    Returns:
        Whole GiB: downloads of the model and the dataset, and without an output volume everything that
        would lie there.
    """
    downloaded = 0.0
    if spec.model.repo is not None or facts.base_revision is not None:
        # An adapter's own files are a small part of its base's, which has 16-bit weights.
        whole = 2.0 * shape.parameters
        downloaded = (
            max(whole, facts.weight_bytes) if facts.adapter else facts.weight_bytes or whole
        )
    size = SPARE * downloaded / GIB + DATASET_SCRATCH_GIB
    if spec.output.volume is None and spec.output.push is not None:
        size += output
        if _merges(spec, settings):
            # The merged model is written beside the adapter and then takes its place.
            size += SPARE * 4.0 * adapter_parameters(shape, settings) / GIB
    return math.ceil(size)


def _merges(spec: DPOJobSpec, settings: DeviceSettings) -> bool:
    return spec.output.merge and settings.method != "full"
