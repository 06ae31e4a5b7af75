"""Whether the GPUs of this container are those that the plan counts on. No I/O: `device_facts` reads them."""

from __future__ import annotations

from dpojob_api.conditions import Reason
from dpojob_api.plan import Plan
from dpojob_api.shared_training_constants import CPU_MODEL, GPU_MEMORY_TOLERANCE
from dpojob_trainer.training.setup.errors import TrainingError

from .device_facts import Device, DeviceFacts, Version

LEAST_DRIVERS = {11: "450.80.02", 12: "525.60.13", 13: "580.65.06"}
"""Linux driver that each major version of CUDA needs at least, with minor version compatibility
(CUDA Toolkit Release Notes, table "CUDA Toolkit and Minimum Required Driver Version for CUDA Minor Version
Compatibility")."""


def counts_on_gpu(plan: Plan) -> bool:
    """Tell whether a plan can be followed on a GPU only.

    Args:
        plan: The plan.

    Returns:
        False where its pool has no GPUs (`gpu.model: CPU`), or where it does not name a kind of GPU.
    """
    return plan.gpu_model not in (None, CPU_MODEL)


def check_devices(plan: Plan, facts: DeviceFacts) -> TrainingError | None:
    """Decide whether the plan can be followed on these GPUs.

    Args:
        plan: The plan. One that counts on no GPU, or does not say on which, fits every machine.
        facts: The GPUs of this container.

    Returns:
        GPUNotUsable where there are too few usable GPUs or an unsupported one, InvalidPool where one
        has less memory than the pool says; None where the plan can be followed.
    """
    if not counts_on_gpu(plan):
        return None
    planned = plan.gpus // plan.nodes
    if len(facts.devices) < planned:
        return _too_few(plan, planned, facts)
    devices = facts.devices[:planned]
    least = min(facts.torch_capabilities, default=(0, 0))
    old = next((device for device in devices if device.capability < least), None)
    if old is not None:
        return _unsupported(plan, old, least, facts)
    least_gib = GPU_MEMORY_TOLERANCE * plan.memory_gib.available
    small = next((device for device in devices if device.memory_gib < least_gib), None)
    return None if small is None else _too_small(plan, small)


def _too_few(plan: Plan, planned: int, facts: DeviceFacts) -> TrainingError:
    usable = len(facts.devices) or "no"
    found = (
        f"the plan counts on {planned} GPU(s) of pool {plan.pool} in this pod, and torch can use {usable} "
        f"of them"
    )
    detail = "" if facts.error is None else f" ({' '.join(facts.error.split())[:300].rstrip('.')})"
    return TrainingError(
        Reason.GPU_NOT_USABLE, f"{found}{detail}. {_versions(facts)} {_remedy(plan, facts)}"
    )


def _versions(facts: DeviceFacts) -> str:
    """The versions that are here and those that are needed."""
    driver = "no NVIDIA driver" if facts.driver is None else f"driver {facts.driver}"
    library = (
        "no libcuda.so.1"
        if facts.driver_cuda is None
        else f"libcuda.so.1 of CUDA {_dotted(facts.driver_cuda)}"
    )
    if facts.torch_cuda is None:
        return f"Found: {driver}, {library}. This torch is built without CUDA."
    needed = LEAST_DRIVERS.get(_major(facts))
    least = "" if needed is None else f", which needs driver {needed} or newer"
    return f"Found: {driver}, {library}. Needed: CUDA {facts.torch_cuda}{least}."


def _remedy(plan: Plan, facts: DeviceFacts) -> str:
    if facts.torch_cuda is None:
        return "Use a training image whose torch is built with CUDA."
    if facts.driver_cuda is not None and facts.driver_cuda[0] < _major(facts):
        return (
            "Update the driver on the pool's nodes, or build the training image for an older CUDA "
            "(build argument TORCH_INDEX)."
        )
    if facts.driver_cuda is None:
        return (
            f"The container runtime put no driver into the container: check the device plugin of pool "
            f"{plan.pool}'s nodes, and set spec.pod.runtimeClassName of the GPUPool where NVIDIA's runtime "
            "is not the default. A pool without GPUs says gpu.model: CPU."
        )
    return (
        f"Check the nodes of pool {plan.pool} with nvidia-smi, and what the device plugin gives to a pod; "
        "a GPU that fell off the bus needs a restart of its node."
    )


def _unsupported(plan: Plan, device: Device, least: Version, facts: DeviceFacts) -> TrainingError:
    return TrainingError(
        Reason.GPU_NOT_USABLE,
        f"the {device.name} of pool {plan.pool} has compute capability {_dotted(device.capability)}, and "
        f"the training image's torch (CUDA {facts.torch_cuda}) supports {_dotted(least)} and newer. Name "
        "another pool in hardware.pool, or build the training image for an older CUDA (build argument "
        "TORCH_INDEX).",
    )


def _too_small(plan: Plan, device: Device) -> TrainingError:
    return TrainingError(
        Reason.INVALID_POOL,
        f"by pool {plan.pool} each GPU offers {plan.memory_gib.available:.1f} GiB to training, and its "
        f"{device.name} has {device.memory_gib:.1f} GiB in all. Correct gpu.memoryGiB or nodeSelector of the "
        "GPUPool, or name another pool in hardware.pool.",
    )


def _major(facts: DeviceFacts) -> int:
    return int(str(facts.torch_cuda).partition(".")[0])


def _dotted(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
