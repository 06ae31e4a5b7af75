"""Predictions for one training option on one kind of GPU: memory, time and cost, from the model's shape."""

from .checkpoint import checkpoint_bytes, save_seconds
from .cost_model import CostModel
from .evaluation_work import EvaluationWork
from .gpu import gpus_per_job, is_cpu_only, measured_rate, precision, sustained_flops, usable_gib
from .gpu_kinds import MINIMUM_CAPABILITY, mig_slices, unsupported_capability
from .host_resources import host_memory_gib, scratch_gib
from .memory import GIB, MEMORY_MARGIN, MemoryEstimate, estimate_memory, trained_parameters
from .model_shape import ModelShape, infer_model_shape
from .prefix_sharing import PrefixSharing, decide_prefix_sharing
from .training_option import DeviceSettings, Strategy, TrainingOption

__all__ = [
    "GIB",
    "MEMORY_MARGIN",
    "MINIMUM_CAPABILITY",
    "CostModel",
    "DeviceSettings",
    "EvaluationWork",
    "MemoryEstimate",
    "ModelShape",
    "PrefixSharing",
    "Strategy",
    "TrainingOption",
    "checkpoint_bytes",
    "decide_prefix_sharing",
    "estimate_memory",
    "gpus_per_job",
    "host_memory_gib",
    "infer_model_shape",
    "is_cpu_only",
    "measured_rate",
    "mig_slices",
    "precision",
    "save_seconds",
    "scratch_gib",
    "sustained_flops",
    "trained_parameters",
    "unsupported_capability",
    "usable_gib",
]
