"""Main memory and disk space that a training pod needs, apart from the GPU.

Assumptions about the trainer (dpojob_trainer.training):

- without sharding, weights are read from their files straight to the GPU, in the type in which they are used:
  main memory holds a few tensors at a time, and the page cache, which shrinks where processes need memory;
- a sharded model is first loaded whole in main memory by one process of each pod, in fp32 for full fine-tuning
  with a reference of the same tensors, in 16 bits for LoRA; QLoRA quantises tensor by tensor on the GPU;
- for each checkpoint one process gathers the trained weights of a sharded model in main memory, and, once they
  are written, the optimizer's moments;
- an adapter is merged by one process after training, tensor by tensor, with one written file of at most
  MERGE_FILE_BYTES in memory; adapted stacked experts are merged in a whole fp32 model;
- without GPUs, everything that would be in a GPU's memory is in main memory.
"""

from __future__ import annotations

import math

from dpojob_api.report import ModelFacts
from dpojob_api.spec import DPOJobSpec

from .memory import GIB, adapter_parameters, optimizer_bytes, trained_parameters
from .model_shape import ModelShape
from .training_option import DeviceSettings

PROCESS_GIB = 2.0
"""Python, torch and TRL with their libraries, and the host's share of a CUDA context. An assumption; no card
has confirmed it."""
DATASET_GIB = 1.0
"""Rows that are read and tokenised at a time, in all processes; files are mapped and stay on disk."""
DATASET_SCRATCH_GIB = 4.0
"""A dataset that is downloaded, tokenised rows and temporary files."""
MERGE_FILE_BYTES = 2e9
"""Largest file that a merge writes (dpojob_trainer.training.adapters.checkpoint_files.SHARD_BYTES)."""
MERGE_COPIES = 4
"""fp32 copies of the layer that is merged: its weight, the sum, the adapter's product, and the stored one."""
SPARE = 1.1
"""Factor on everything that depends on the model's size."""


def host_memory_gib(
    spec: DPOJobSpec,
    shape: ModelShape,
    settings: DeviceSettings,
    processes: int,
    training_gib: float = 0.0,
) -> int:
    """Predict the main memory that a training pod needs.

    Args:
        spec: The job's spec: whether the adapter is merged.
        shape: The model.
        settings: Method and what is done on one GPU.
        processes: Processes in the pod, one for each of its GPUs.
        training_gib: Memory of training itself where there is no GPU, GiB; else 0.

    Returns:
        Whole GiB.
    """
    loading = gathering = 0.0
    if settings.shards > 1:
        loading = _loaded_bytes(shape, settings)
        gathering = max(4.0 * trained_parameters(shape, settings), optimizer_bytes(shape, settings))
    merging = _merge_bytes(shape) if _merges(spec, settings) else 0.0
    largest = max(training_gib, SPARE * max(loading, merging, gathering) / GIB)
    return math.ceil(PROCESS_GIB * processes + DATASET_GIB + largest)


def _loaded_bytes(shape: ModelShape, settings: DeviceSettings) -> float:
    """Bytes of a whole model in main memory; its reference has the same tensors."""
    if settings.method == "full":
        return 4.0 * shape.parameters
    return 2.0 * shape.parameters if settings.method == "lora" else 0.0


def _merge_bytes(shape: ModelShape) -> float:
    """Bytes of main memory while an adapter is merged: at most those of the whole model in fp32."""
    whole = 4.0 * shape.parameters
    if shape.experts_adapted:
        return whole
    layer = 4.0 * MERGE_COPIES * shape.hidden * max(shape.intermediate, shape.queries)
    # A tensor that is larger than a file has a file of its own.
    return min(whole, max(MERGE_FILE_BYTES, 4.0 * shape.head) + layer)


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
        Whole GiB: downloads of the model and the dataset, an adapter merged to start from, and without an
        output volume everything that would lie there.
    """
    downloaded = 0.0
    if spec.model.repo is not None or facts.base_revision is not None:
        # An adapter's own files are a small part of its base's, which has 16-bit weights.
        whole = 2.0 * shape.parameters
        downloaded = (
            max(whole, facts.weight_bytes) if facts.adapter else facts.weight_bytes or whole
        )
    # Full fine-tuning from an adapter starts from its base with the adapter merged, in fp32 files.
    merged_start = 4.0 * shape.parameters if facts.adapter and settings.method == "full" else 0.0
    size = SPARE * (downloaded + merged_start) / GIB + DATASET_SCRATCH_GIB
    if not spec.output_is_kept:
        size += output
        if _merges(spec, settings):
            # The merged model is written beside the adapter and then takes its place.
            size += SPARE * 4.0 * adapter_parameters(shape, settings) / GIB
    return math.ceil(size)


def _merges(spec: DPOJobSpec, settings: DeviceSettings) -> bool:
    return spec.output.merge and settings.method != "full"
