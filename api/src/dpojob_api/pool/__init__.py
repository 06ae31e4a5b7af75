"""GPUPool: GPUs of one kind, what they cost, and what the platform decides about the pods on them."""

from .gpu_pool import (
    DEFAULT_GPU_RESOURCE,
    GPU,
    GPU_OF_THE_PLAN_RULE,
    GPUPool,
    GPUPoolSpec,
    GPUPoolStatus,
    ModelSize,
    cel_count,
)
from .pod_settings import (
    EXTENDED_RESOURCES_RULE,
    REQUESTS_WITHIN_LIMITS_RULE,
    PodResources,
    PodSettings,
)
from .pod_volumes import (
    MOUNT_PATH_RULE,
    MOUNTED_VOLUMES_RULE,
    RESERVED_PATH_RULE,
    RESERVED_PATHS,
    UNIQUE_VOLUMES_RULE,
)

__all__ = [
    "DEFAULT_GPU_RESOURCE",
    "EXTENDED_RESOURCES_RULE",
    "GPU",
    "GPU_OF_THE_PLAN_RULE",
    "MOUNTED_VOLUMES_RULE",
    "MOUNT_PATH_RULE",
    "REQUESTS_WITHIN_LIMITS_RULE",
    "RESERVED_PATHS",
    "RESERVED_PATH_RULE",
    "UNIQUE_VOLUMES_RULE",
    "GPUPool",
    "GPUPoolSpec",
    "GPUPoolStatus",
    "ModelSize",
    "PodResources",
    "PodSettings",
    "cel_count",
]
