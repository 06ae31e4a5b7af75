"""A manifest from the options of `run`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dpojob.errors import CommandError
from dpojob_api.base import JSONObject
from dpojob_api.constants import API_VERSION
from dpojob_api.manifest import Manifest, ManifestError, load_all

from .sources import Kind, Source, claim_path, parse_source

ROLES = ("prompt", "chosen", "rejected", "system", "tools")
"""Columns that `--map` names; preference labels need a manifest."""


@dataclass(frozen=True)
class JobOptions:
    """What the user gave; None and empty values stay out of the manifest.

    Attributes are named as the options of `run` are.
    """

    dataset: str
    model: str | None = None
    from_job: str | None = None
    name: str | None = None
    namespace: str | None = None
    split: str | None = None
    mapping: Sequence[str] = ()
    epochs: float | None = None
    lr: float | None = None
    beta: float | None = None
    batch_size: int | None = None
    max_length: int | None = None
    method: str | None = None
    pool: str | None = None
    gpus: int | None = None
    max_cost: str | None = None
    max_duration: str | None = None
    output: str | None = None
    push: str | None = None
    validate_only: bool = False


@dataclass(frozen=True)
class BuiltJob:
    """A manifest with the directories that stand for its claims on this machine.

    Attributes:
        document: The manifest as a user would write it.
        manifest: The same, validated.
        sources: Where model and dataset come from.
    """

    document: JSONObject
    manifest: Manifest
    sources: dict[Kind, Source] = field(default_factory=dict)

    @property
    def volumes(self) -> dict[str, Path]:
        """Claim name to local directory."""
        return {
            source.spec["volume"]["claimName"]: source.directory
            for source in self.sources.values()
            if source.directory is not None
        }


def build_job(options: JobOptions) -> BuiltJob:
    """Builds and validates the manifest.

    Args:
        options: What the user gave.

    Returns:
        The job.

    Raises:
        CommandError: An option cannot be read, or the manifest is invalid, with everything that is wrong.
    """
    if (options.model is None) == (options.from_job is None):
        raise CommandError("give one of --model and --from-job: they name the model to tune")
    sources: dict[Kind, Source] = {"dataset": parse_source(options.dataset, "dataset")}
    if options.model is not None:
        sources["model"] = parse_source(options.model, "model")
        model = sources["model"].spec
    else:
        model = {"fromJob": {"name": options.from_job}}
    dataset = {**sources["dataset"].spec, "split": options.split}
    dataset["columnMapping"] = column_mapping(options.mapping)
    output = None if options.output is None else claim_path(options.output, "--output")
    spec = {
        "model": model,
        "dataset": dataset,
        "training": {
            "epochs": options.epochs,
            "learningRate": options.lr,
            "beta": options.beta,
            "batchSize": options.batch_size,
            "maxLength": options.max_length,
            "method": options.method,
        },
        "hardware": {"pool": options.pool, "gpus": options.gpus},
        "budget": {"maxCost": options.max_cost, "maxDuration": options.max_duration},
        "output": {"volume": output, "push": options.push},
        "validateOnly": options.validate_only or None,
    }
    metadata = {"name": options.name or default_name(options), "namespace": options.namespace}
    document: JSONObject = {
        "apiVersion": API_VERSION,
        "kind": "DPOJob",
        "metadata": _without_empty(metadata),
        "spec": _without_empty(spec),
    }
    return BuiltJob(document, validated(document), sources)


def validated(document: JSONObject) -> Manifest:
    """Validates a manifest that was made from options or answers.

    Args:
        document: The manifest.

    Returns:
        The same, validated.

    Raises:
        CommandError: It is invalid, with everything that is wrong.
    """
    try:
        return load_all([document])
    except ManifestError as error:
        problems = "\n".join(f"  {problem.message}" for problem in error.problems)
        raise CommandError(f"these options make no valid job:\n{problems}") from error


def default_name(options: JobOptions) -> str:
    """Makes a job's name from its model.

    Args:
        options: What the user gave.

    Returns:
        A name of lower-case letters, digits and dashes, such as "qwen2-5-1-5b-dpo".
    """
    model = options.from_job or str(options.model).rstrip("/")
    return f"{_dns_label(model.rpartition('/')[2])}-dpo"


def _dns_label(text: str) -> str:
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return label[:50].rstrip("-") or "job"


def column_mapping(pairs: Sequence[str]) -> JSONObject:
    """Reads the values of `--map`.

    Args:
        pairs: Such as ["prompt=question", "chosen=good"].

    Returns:
        The value of `spec.dataset.columnMapping`.

    Raises:
        CommandError: A value is malformed, or names no role.
    """
    mapping: JSONObject = {}
    for pair in pairs:
        role, separator, column = pair.partition("=")
        if not separator or not column or role not in ROLES:
            hint = f"; the role comes first: {column}={role}" if column in ROLES else ""
            raise CommandError(
                f"--map {pair}: write it as ROLE=COLUMN, with a role of {', '.join(ROLES)}{hint}"
            )
        mapping[role] = column
    return mapping


def _without_empty(value: JSONObject) -> JSONObject:
    """The fields that hold something; 0 and False do."""
    kept: JSONObject = {}
    for name, inner in value.items():
        found = _without_empty(inner) if isinstance(inner, dict) else inner
        if found is not None and found != {}:
            kept[name] = found
    return kept
