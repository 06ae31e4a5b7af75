"""DPOJobs in several states, as the API server would send them."""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]


def condition(kind: str, reason: str, message: str = "", status: str = "True") -> JSON:
    return {
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip


PLAN: JSON = {
    "pool": "a10g", "gpuModel": "A10G", "gpus": 1, "method": "lora", "precision": "bf16",
    "perDeviceBatchSize": 2, "gradientAccumulation": 4, "hourlyPrice": "2.50",
    "memoryGiB": {
        "needed": 15.0, "available": 21.8, "margin": 1.7,
        "parts": {"weights": 9.0, "activations": 4.5, "logits": 1.5},
    },
    "estimate": {"hours": 2.5, "cost": "6.25"},
    "reasons": ["a10g is the cheapest pool that holds the model."],
    "considered": [{"pool": "t4", "verdict": "tooSmall", "reason": "needs 15 GiB"}],
}  # fmt: skip
DATASET: JSON = {
    "valid": True, "format": "standard", "rows": 1000, "trainRows": 950, "evalRows": 50,
    "problems": [{"code": "DuplicateRow", "severity": "warning", "rows": 12, "message": "12 rows repeat"}],
    "quality": {"duplicateRows": 12, "chosenLongerShare": 0.71},
}  # fmt: skip


def progress(step: int, **figures: Any) -> JSON:
    return {"stage": "Training", "step": step, "maxSteps": 100, **figures}


def attempt(pool: str = "a10g", gpu_seconds: float = 3600, price: str = "2.50") -> JSON:
    return {
        "number": 1, "job": {"name": "x-train-1"}, "pool": pool, "gpus": 1, "hourlyPrice": price,
        "gpuSeconds": gpu_seconds,
    }  # fmt: skip


def job(
    name: str, namespace: str = "team-a", *, spec: JSON | None = None, uid: str = "", **status: Any
) -> JSON:
    """A DPOJob with that status."""
    return {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "DPOJob",
        "metadata": {
            "name": name, "namespace": namespace, "uid": uid or f"uid-{namespace}-{name}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}, **(spec or {})},
        "status": status,
    }  # fmt: skip


def training(
    name: str, namespace: str = "team-a", *, spec: JSON | None = None, **changes: Any
) -> JSON:
    """A job that trains."""
    status: JSON = {
        "phase": "Training", "dataset": DATASET, "plan": PLAN, "attempts": [attempt()],
        "progress": progress(42, loss=0.5, margin=0.75, accuracy=0.9, evalLoss=0.6, etaSeconds=600),
        "cost": {"soFar": "2.50", "estimate": "6.00", "currency": "USD"},
        "conditions": [
            condition("DatasetValid", "ValidWithWarnings", "1,000 rows"),
            condition("Ready", "Training", "step 42 of 100", "False"),
        ],
    }  # fmt: skip
    return job(name, namespace, spec=spec, **(status | changes))


def pool(name: str, **status: Any) -> JSON:
    """A GPUPool."""
    return {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "GPUPool",
        "metadata": {"name": name},
        "spec": {"gpu": {"model": "A10G", "memoryGiB": 24}, "hourlyPrice": "2.50"},
        "status": {"nodes": 3, "gpus": 3, "free": 0, **status},
    }
