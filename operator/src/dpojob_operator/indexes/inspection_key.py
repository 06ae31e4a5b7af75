"""The key by which jobs share one inspection: a hash of everything that inspection reads.

The key hashes all of the spec that inspection reads, with both revisions as commits. So a moved
branch gives another key. Volumes and URLs may change without a trace, and are never shared.
"""

from __future__ import annotations

import hashlib
import re

from dpojob_api.spec import DPOJobSpec
from dpojob_operator.manifests.compact_json import compact

COMMIT = re.compile(r"^[0-9a-f]{40}$")
DEFAULT_REVISION = "main"


def hub_repositories(spec: DPOJobSpec) -> tuple[tuple[str, str, str], tuple[str, str, str]] | None:
    """(kind, repository, revision) of model and dataset; None when either is not on the hub."""
    model, dataset = spec.model, spec.dataset
    if model.repo is None or dataset.repo is None:
        return None
    return (
        ("models", model.repo, model.revision or DEFAULT_REVISION),
        ("datasets", dataset.repo, dataset.revision or DEFAULT_REVISION),
    )


def inspection_key(spec: DPOJobSpec, model_commit: str, dataset_commit: str) -> str:
    """The key of a spec whose `model` and `dataset` are repositories, at those commits."""
    wire = spec.wire()
    evaluation = wire.get("evaluation") or {}
    judge = evaluation.get("judge")
    prompts = {"everyEval": evaluation.get("everyEval"), "prompts": evaluation.get("prompts")}
    seen = {
        "model": {**wire["model"], "revision": model_commit},
        "dataset": {**wire["dataset"], "revision": dataset_commit},
        "training": wire["training"],
        # Inspection reads the reward model's files and the tasks of the evaluation; the prompts only with a judge.
        "rewardModel": (judge or {}).get("rewardModel"),
        "tasks": evaluation.get("tasks"),
        "token": wire.get("hubTokenSecret"),
        "output": wire.get("output"),
        # Only whether there is one matters, for trackers that need it; its content is not read.
        "environment": "environmentSecret" in wire,
        **(prompts if judge else {}),
    }
    # Fields that inspection does not read differ within a hyperparameter sweep, which shares a report.
    for field in SWEPT:
        seen["training"].pop(field, None)
    seen["output"] = (seen["output"] or {}).get("volume") and "volume"
    return hashlib.sha256(compact(seen).encode()).hexdigest()[:32]


SWEPT = ("epochs", "learningRate", "beta", "seed", "batchSize", "method", "lora", "earlyStopping")
"""Fields of `training` that no check of inspection reads."""
