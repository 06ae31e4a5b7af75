"""What a training pod requests: the plan's figures, of which the installation's settings are the least."""

from __future__ import annotations

from dpojob_api.base import JSONObject
from dpojob_api.plan import Plan
from dpojob_api.pool import GPUPoolSpec, PodResources
from dpojob_api.quantity import parse_quantity
from dpojob_operator.process import WorkloadSettings


def training_resources(
    settings: WorkloadSettings, plan: Plan, pool: GPUPoolSpec, gpus: int
) -> JSONObject:
    """Compute a training container's requests and limits.

    Args:
        settings: The installation's requests, which are the least, and its limits.
        plan: The plan: main memory and scratch of the pod.
        pool: The pool, whose `pod.resources` replace the installation's, resource by resource.
        gpus: GPUs of the pod.

    Returns:
        ResourceRequirements of core/v1. A limit below a request of the plan is raised to it, since the
        API server refuses such a pod.
    """
    of_pool = (pool.pod and pool.pod.resources) or PodResources()
    named = of_pool.requests.keys() | of_pool.limits.keys()
    requests, limits = (
        {
            name: quantity
            for name, quantity in (settings.train_resources.get(kind) or {}).items()
            if name not in named
        }
        for kind in ("requests", "limits")
    )
    # As the API server defaults them, and what is raised below must not be left out.
    requests |= {**of_pool.limits, **of_pool.requests}
    limits |= of_pool.limits
    for name, gib in (("memory", plan.host_memory_gib), ("ephemeral-storage", plan.scratch_gib)):
        if gib:
            requests[name] = larger_quantity(requests.get(name), gib)
            if name in limits:
                limits[name] = larger_quantity(limits[name], gib)
    return {
        "requests": {**requests, pool.gpu.resource: str(gpus)},
        "limits": {**limits, pool.gpu.resource: str(gpus)},
    }


def larger_quantity(quantity: str | None, gib: int) -> str:
    """Choose the larger of a quantity and a number of GiB.

    Args:
        quantity: A Kubernetes quantity of bytes, such as 8Gi; None for none.
        gib: GiB.

    Returns:
        `quantity` as it is written, or the GiB as a quantity.
    """
    if quantity is not None and parse_quantity(str(quantity)) >= gib * 2**30:
        return quantity
    return f"{gib}Gi"
