"""What Kubernetes nodes say of their GPUs: how many, and how much memory each has."""

from __future__ import annotations

from collections.abc import Mapping

KARPENTER_MEMORY_LABEL = "karpenter.k8s.aws/instance-gpu-memory"
"""Memory of one GPU in MiB, as Karpenter on AWS labels its nodes. NVIDIA's GPU Feature Discovery uses the
resource's name with ".memory", such as nvidia.com/gpu.memory, also in MiB."""


def reported_memory(resource: str, labels: Mapping[str, str]) -> tuple[str, float | None]:
    """Read how much memory each GPU of a node has from the node's labels.

    Args:
        resource: The extended resource of the GPUs, such as nvidia.com/gpu.
        labels: The node's labels.

    Returns:
        The label, and the memory in GiB; an empty name and None where no label has it.
    """
    for label in (f"{resource}.memory", KARPENTER_MEMORY_LABEL):
        if str(labels.get(label, "")).isdigit():
            return label, int(labels[label]) / 1024
    return "", None


def parse_gpus(quantity: object) -> int:
    """Read a quantity of an extended resource, which is a whole number.

    Args:
        quantity: As a Node or a Pod has it, such as "8" or 1k; None where it has none.

    Returns:
        The number; 0 for what is no such quantity.
    """
    text = str(quantity or "0")
    for suffix, scale in {"k": 1000, "Ki": 1024}.items():
        if text.endswith(suffix) and text.removesuffix(suffix).isdigit():
            return int(text.removesuffix(suffix)) * scale
    return int(text) if text.isdigit() else 0
