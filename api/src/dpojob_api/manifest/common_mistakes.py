"""What people write instead of a field of the spec, and the field that they mean.

The sources are the names of the libraries that a user of DPO knows (transformers' TrainingArguments, TRL's
DPOConfig and script arguments, PEFT's LoraConfig, datasets.load_dataset) and of the hosted services.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dpojob_api.arguments import REMOVED, RESERVED, field_table
from dpojob_api.quantity import MONEY_PATTERN
from dpojob_api.spec import REPO
from dpojob_api.suggestion import flow_yaml

from .cel_rules import Path

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
    "duration": "budget.maxDuration",
    "timeout": "budget.maxDuration",
    "hub_repo": "output.push",
    "push_to_hub_model_id": "output.push",
    "hf_token": "hubTokenSecret",
    "hub_token_secret": "hubTokenSecret",
    "dry_run": "validateOnly",
}
"""Name, in snake case, to what to write in the spec."""

BY_PARENT: Mapping[tuple[str, str], str] = {
    ("model", "id"): "model.repo",
    ("model", "name"): "model.repo",
    ("model", "path"): "model.volume.path",
    ("model", "claim"): "model.volume.claimName",
    ("dataset", "id"): "dataset.repo",
    ("dataset", "name"): "dataset.repo",
    ("dataset", "file"): "dataset.volume.path",
    ("dataset", "files"): "dataset.volume.path",
    ("dataset", "path"): "dataset.volume.path",
    ("dataset", "claim"): "dataset.volume.claimName",
    ("dataset", "url"): "dataset.urls",
    ("output", "path"): "output.volume.path",
    ("output", "repo"): "output.push",
}
"""The name of the part of the spec, and a name below it, to what to write."""

SEVERAL_PLACES = ("claim_name", "path", "repo")
"""Names that mean another field by the part of the spec in which they stand."""

NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10,
}  # fmt: skip
THOUSANDS = re.compile(r"[1-9]\d{0,2}(,\d{3})+")
BINARY_KILO = re.compile(r"(\d{1,4})\s?[kK]")
FILE_NAME = re.compile(r"\.(?:jsonl?|csv|tsv|parquet|arrow)(?:\.(?:gz|bz2|xz|zst))?$|^\.{0,2}/")
"""What is rather a path than a repository's name: a data file, or a path that begins with `/`, `./` or `../`."""
CLAIM_ADDRESS = re.compile(r"pvc://(?P<claimName>[^/\s]+)/*(?P<path>.*)")
"""A place on a claim as the command line's options write it: pvc://CLAIM/PATH."""
SPLIT_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|-")


def advice_on_name(path: Path) -> str | None:
    """Say what to write instead of a name that is no field of the spec.

    Args:
        path: Place of the unknown field in the document, such as ("spec", "training", "lr").

    Returns:
        An instruction, such as "write spec.training.learningRate"; None where nothing is known.
    """
    name = SPLIT_SNAKE.sub("_", str(path[-1])).lower()
    part = str(path[1]) if len(path) > 2 else ""
    if (found := BY_PARENT.get((part, name))) is not None:
        return f"write spec.{found}"
    if name in SEVERAL_PLACES:
        return None
    if (found := SYNONYMS.get(name) or RESERVED.get(name)) is not None:
        nothing = found.removeprefix("nothing: ")
        return f"write spec.{found}" if nothing == found else f"leave it out: {nothing}"
    if (removed := REMOVED.get(name)) is not None:
        return f"it is no field of DPOConfig any more; write {removed.instead}"
    return f"write spec.training.arguments.{name}" if name in field_table()["fields"] else None


def mapping_instead_of(path: Path, value: Any) -> str | None:
    """Write the mapping that a plain value stands for.

    Args:
        path: Place of the value in the document, such as ("spec", "model").
        value: What was written there.

    Returns:
        What to write, such as "write {repo: Qwen/Qwen2.5-1.5B}"; None where nothing is known.
    """
    field = ".".join(map(str, path[1:]))
    text = str(value)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping):
        return "write its fields without the dash, since it is one mapping and no list"
    if field in ("model", "dataset") and isinstance(value, str):
        if re.match(r"https?://", text):
            return f"write {{urls: [{text}]}}" if field == "dataset" else None
        if (place := CLAIM_ADDRESS.fullmatch(text)) is not None:
            volume = {key: part for key, part in place.groupdict().items() if part}
            return f"write {flow_yaml({'volume': volume})}"
        if FILE_NAME.search(text):
            return f"write {{volume: {{claimName: CLAIM, path: {text.lstrip('./')}}}}}, with the claim it is on"
        return f"write {{repo: {text}}}" if re.fullmatch(REPO, text) else None
    if field == "model.fromJob" and isinstance(value, str):
        return f"write {flow_yaml({'name': value})}"
    if field == "output" and isinstance(value, str):
        return f"write {{volume: {{claimName: {text}}}}}, or {{push: {text}}} to upload it"
    if field == "budget" and not isinstance(value, bool) and isinstance(value, int | float | str):
        amount = _without_commas(re.sub(r"[^\d.,]", "", text), whole=False)
        return f'write {{maxCost: "{amount}"}}' if re.fullmatch(MONEY_PATTERN, amount) else None
    if field == "training.lora" and value is True:
        return "write method: lora in training; lora holds the adapter's shape"
    if field == "samples" and isinstance(value, list):
        return "write {prompts: [...]}"
    return None


def list_instead_of(value: Any) -> str | None:
    """Write the list that a single value stands for.

    Args:
        value: What was written where a list is expected.

    Returns:
        What to write, such as "write [https://example.com/a.jsonl]"; None where nothing is known.
    """
    if isinstance(value, str) and value:
        return f"write {flow_yaml([value])}"
    return None


def number_instead_of(kind: str, value: str) -> str | None:
    """Write the number that a text stands for.

    Args:
        kind: Pydantic's error type of the field, such as "int_type".
        value: The text that was written.

    Returns:
        What to write, such as "write 1024"; None where nothing is known.
    """
    whole = kind != "float_type"
    text = _without_commas(value.strip().lower(), whole=whole).replace("_", "")
    if text in NUMBERS:
        return f"write {NUMBERS[text]}"
    if (found := BINARY_KILO.fullmatch(text)) is not None:
        return f"write {int(found[1]) * 1024}"
    try:
        number = float(text)
    except ValueError:
        return None
    if whole:
        return f"write {int(number)}, without quotes" if number.is_integer() else None
    return f"write {text}, without quotes"


def _without_commas(text: str, *, whole: bool) -> str:
    """The text without commas between thousands in a whole number, and with points for other commas."""
    if whole and THOUSANDS.fullmatch(text):
        return text.replace(",", "")
    return text.replace(",", ".")


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
