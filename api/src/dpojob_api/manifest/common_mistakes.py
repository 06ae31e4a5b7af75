"""What people write instead of a field of the spec, and the field that they mean.

The sources are the names of the libraries that a user of DPO knows (transformers' TrainingArguments, TRL's
DPOConfig and script arguments, PEFT's LoraConfig, datasets.load_dataset) and of the hosted services.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dpojob_api.arguments import REMOVED, RESERVED, field_table

from .cel_rules import Path

PRECISION = "hardware.pool (the plan takes the precision its GPU has)"
SYNONYMS: Mapping[str, str] = {
    "base_model": "model.repo",
    "model_id": "model.repo",
    "model_name": "model.repo",
    "model_name_or_path": "model.repo",
    "dataset_config": "dataset.config",
    "dataset_id": "dataset.repo",
    "dataset_name": "dataset.repo",
    "dataset_train_split": "dataset.split",
    "column_names": "dataset.columnMapping",
    "columns": "dataset.columnMapping",
    "data_files": "dataset.volume.path",
    "subset": "dataset.config",
    "dataset_test_split": "dataset.eval.split",
    "eval_split": "dataset.eval.split",
    "test_size": "dataset.eval.fraction",
    "validation_split": "dataset.eval.fraction",
    "epoch": "training.epochs",
    "n_epochs": "training.epochs",
    "num_epochs": "training.epochs",
    "lr": "training.learningRate",
    "learning_rate_multiplier": "training.learningRate",
    "global_batch_size": "training.batchSize",
    "per_device_batch_size": "training.batchSize (the plan divides it over GPUs)",
    "train_batch_size": "training.batchSize (the plan divides it over GPUs)",
    "context_length": "training.maxLength",
    "max_seq_length": "training.maxLength",
    "model_max_length": "training.maxLength",
    "use_peft": "training.method: lora",
    "load_in_4bit": "training.method: qlora",
    "lora_alpha": "training.lora.alpha",
    "lora_dropout": "training.lora.dropout",
    "lora_r": "training.lora.r",
    "lora_rank": "training.lora.r",
    "rank": "training.lora.r",
    "early_stopping_patience": "training.earlyStopping.patience",
    "gpu_count": "hardware.gpus",
    "num_gpus": "hardware.gpus",
    "num_nodes": "hardware.nodes",
    "cost": "budget.maxCost",
    "max_cost": "budget.maxCost",
    "deadline": "budget.maxDuration",
    "hours": "budget.maxDuration: 6h for six hours",
    "max_hours": "budget.maxDuration: 6h for six hours",
    "duration": "budget.maxDuration",
    "timeout": "budget.maxDuration",
    "hub_repo": "output.push",
    "push_to_hub_model_id": "output.push",
    "hf_token": "hubTokenSecret",
    "hub_token_secret": "hubTokenSecret",
    "dry_run": "validateOnly",
    "env": "environmentSecret",
    "dtype": PRECISION,
    "precision": PRECISION,
    "torch_dtype": PRECISION,
    "replicas": "hardware.nodes",
    "steps": "training.arguments: {max_steps: N}",
    "token": "hubTokenSecret",
    "ttl": "ttlSecondsAfterFinished",
    "warmup": "training.arguments: {warmup_steps: N}",
    "hyperparameters": "training",
    "loss": "training.arguments: {loss_type: NAME}",
    "optimizer": "training.arguments: {optim: NAME}",
    "scheduler": "training.arguments: {lr_scheduler_type: NAME}",
    "trainer_args": "training.arguments",
    "training_args": "training.arguments",
    "training_arguments": "training.arguments",
}
"""Name, in snake case, to what to write in the spec."""

BY_PARENT: Mapping[tuple[str, str], str] = {
    ("model", "id"): "model.repo",
    ("model", "name"): "model.repo",
    ("model", "path"): "model.volume.path",
    ("model", "claim"): "model.volume.claimName",
    ("model", "pvc"): "model.volume.claimName",
    ("model", "hub"): "model.repo",
    ("model", "job"): "model.fromJob.name",
    ("dataset", "id"): "dataset.repo",
    ("dataset", "name"): "dataset.repo",
    ("dataset", "file"): "dataset.volume.path",
    ("dataset", "files"): "dataset.volume.path",
    ("dataset", "path"): "dataset.volume.path",
    ("dataset", "claim"): "dataset.volume.claimName",
    ("dataset", "pvc"): "dataset.volume.claimName",
    ("dataset", "hub"): "dataset.repo",
    ("dataset", "huggingface"): "dataset.repo",
    ("dataset", "mapping"): "dataset.columnMapping",
    ("dataset", "url"): "dataset.urls",
    ("dataset", "size"): "dataset.eval.fraction (a share such as 0.05)",
    ("output", "claim"): "output.volume.claimName",
    ("output", "path"): "output.volume.path",
    ("output", "pvc"): "output.volume.claimName",
    ("output", "repo"): "output.push",
    ("training", "args"): "training.arguments",
    ("training", "config"): "training.arguments",
}
"""The name of the part of the spec, and a name below it, to what to write."""

SEVERAL_PLACES = ("claim_name", "path", "repo")
"""Names that mean another field by the part of the spec in which they stand."""

REFERENCE = "leave it out: the model before training is the reference"
OF_THE_POOL = "leave it out: what a pod gets is the GPUPool's, and hardware.pool names one"
NO_FIELD: Mapping[str, str] = {
    "affinity": OF_THE_POOL,
    "image": "leave it out: the images are those of the installation",
    "node_selector": OF_THE_POOL,
    "priority": "write the label kueue.x-k8s.io/priority-class in metadata.labels",
    "queue": "write the label kueue.x-k8s.io/queue-name in metadata.labels",
    "queue_name": "write the label kueue.x-k8s.io/queue-name in metadata.labels",
    "ref_model": REFERENCE,
    "reference_model": REFERENCE,
    "resources": OF_THE_POOL,
    "target_modules": "leave it out: adapters are on all linear layers",
    "tolerations": OF_THE_POOL,
}
"""Name, in snake case, of what is no field of the spec, to what to do."""

IN_METADATA = ("name", "namespace", "labels", "annotations")
"""Fields of metadata that people write in the spec."""
IN_VOLUME: Mapping[str, str] = {
    "claim": "claimName", "file": "path", "name": "claimName", "pvc": "claimName",
    "persistent_volume_claim": "claimName", "sub_path": "path",
}  # fmt: skip
"""Name inside any `volume`, to its field."""
COLUMN_ROLES: Mapping[str, str] = {
    "accepted": "chosen", "bad": "rejected", "better": "chosen", "dispreferred": "rejected", "good": "chosen",
    "input": "prompt", "instruction": "prompt", "loser": "rejected", "negative": "rejected",
    "positive": "chosen", "preferred": "chosen", "query": "prompt", "question": "prompt",
    "refused": "rejected", "winner": "chosen", "worse": "rejected",
}  # fmt: skip
"""Name inside `columnMapping`, to the role that it most likely means."""
PLACE_BOUND = {
    "content", "first", "key", "limit", "max", "metric", "model", "name", "prefix", "role", "second", "secret",
    "tie", "url",
}  # fmt: skip
"""Fields whose names say nothing about their place: none is suggested in another part of the spec."""

SPLIT_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|-")
VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w*|\{[A-Za-z_]\w*\})")
"""A variable of a shell, such as $MODEL or ${MODEL}."""


def advice_on_name(path: Path) -> str | None:
    """Say what to write instead of a name that is no field of the spec.

    Args:
        path: Place of the unknown field in the document, such as ("spec", "training", "lr").

    Returns:
        An instruction, such as "write spec.training.learningRate"; None where nothing is known.
    """
    name = SPLIT_SNAKE.sub("_", str(path[-1])).lower()
    part = str(path[1]) if len(path) > 2 else ""
    parent = str(path[-2])
    if len(path) == 2 and name in IN_METADATA:
        return f"{name} belongs in metadata"
    if parent == "volume" and (field := IN_VOLUME.get(name)) is not None:
        return f"write {'.'.join(map(str, path[:-1]))}.{field}"
    if parent == "columnMapping" and (role := COLUMN_ROLES.get(name)) is not None:
        return f"write {'.'.join(map(str, path[:-1]))}.{role}"
    if (advice := NO_FIELD.get(name)) is not None:
        return advice
    if (found := BY_PARENT.get((part, name))) is not None:
        return f"write spec.{found}"
    if name in SEVERAL_PLACES:
        return None
    if (found := SYNONYMS.get(name) or RESERVED.get(name)) is not None:
        nothing = found.removeprefix("nothing: ")
        return f"write spec.{found}" if nothing == found else f"leave it out: {nothing}"
    if (removed := REMOVED.get(name)) is not None:
        return f"it is no field of DPOConfig any more; {_instead_of_removed(removed.instead)}"
    return f"write spec.training.arguments.{name}" if name in field_table()["fields"] else None


def _instead_of_removed(instead: str) -> str:
    """What to write for a field that TRL had, with its place in the document."""
    if (reason := instead.removeprefix("nothing; ")) != instead:
        return f"leave it out: {reason}"
    field = re.split(r"\W", instead)[0]
    part = "training.arguments." if field in field_table()["fields"] else ""
    return f"write spec.{'dataset.' if field == 'columnMapping' else part}{instead}"


def advice_on_variable(value: Any) -> str | None:
    """Explain a variable that is still in a value.

    Args:
        value: A value that its field does not accept.

    Returns:
        What to do; None where the value holds no variable.
    """
    found = VARIABLE.search(value) if isinstance(value, str) else None
    if found is None:
        return None
    return (
        f"nothing replaces {found[0]} in a manifest; write its value, or let the shell replace it before: "
        "envsubst < FILE | kubectl apply -f -"
    )


def reversed_mapping(path: Path, value: Any, roles: list[str]) -> str | None:
    """Recognise a column mapping that was written the other way round.

    Args:
        path: Place of the unknown field in the document.
        value: What was written there.
        roles: The fields of the column mapping, such as "prompt".

    Returns:
        What to write, such as "write prompt: question"; None for another mistake.
    """
    if str(path[-2]) == "columnMapping" and isinstance(value, str) and value in roles:
        return f"the column's name comes second: write {value}: {path[-1]}"
    return None
