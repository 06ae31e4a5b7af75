"""Judging manifests with no API server: the same schema and rules, the same verdict.

Takes parsed documents, so that the contract needs no YAML library; whoever reads files parses them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from .cel_rules import Path, broken
from .constants import API_VERSION
from .job import DPOJob
from .pool import GPUPool, GPUPoolSpec
from .spec import DNS_NAME, DPOJobSpec
from .validation_messages import did_you_mean, nearest_field, sentence, show_path, show_value

NAME_LENGTH = 63
"""A DPOJob's name labels its pods, and labels are no longer."""
KINDS: dict[str, type[BaseModel]] = {"DPOJob": DPOJobSpec, "GPUPool": GPUPoolSpec}
PARTS = ("apiVersion", "kind", "metadata", "spec", "status")
FREE_FORM = ("spec", "training", "arguments")
"""Below this, nulls mean something."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a manifest."""

    message: str
    document: int = 0
    """Which of the documents, from 0."""
    path: Path = ()
    """Where in it."""


class ManifestError(ValueError):
    """A manifest that the API server would refuse, with everything that is wrong with it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))


@dataclass(frozen=True)
class Manifest:
    """What a file holds: at most one job, and pools."""

    job: DPOJob | None = None
    pools: list[GPUPool] = field(default_factory=list)
    others: int = 0
    """Documents of other kinds, which are passed over."""


def load(documents: Iterable[Any]) -> DPOJob:
    """The one DPOJob among parsed documents. Raises ManifestError."""
    job = load_all(documents).job
    if job is None:
        raise ManifestError(
            [
                Problem(
                    f"there is no DPOJob here; it begins with apiVersion: {API_VERSION}, kind: DPOJob"
                )
            ]
        )
    return job


def load_all(documents: Iterable[Any]) -> Manifest:
    """The job and the pools among parsed documents. Raises ManifestError for bad or several jobs."""
    problems: list[Problem] = []
    jobs: list[DPOJob] = []
    pools: list[GPUPool] = []
    others = 0
    for number, document in enumerate(documents):
        if document is None:
            continue
        kind = document.get("kind") if isinstance(document, Mapping) else None
        ours = str(document.get("apiVersion", "")) if isinstance(document, Mapping) else ""
        if kind is not None and kind not in KINDS and not ours.startswith("dpojob.dev/"):
            others += 1
            continue
        found = [Problem(text, number, path) for path, text in check(document)]
        problems += found
        if found:
            continue
        clean = without_nulls(document)
        if kind == "DPOJob":
            jobs.append(DPOJob.model_validate(clean))
        else:
            pools.append(GPUPool.model_validate(clean))
    if len(jobs) > 1:
        names = ", ".join(str(job.metadata.get("name", "?")) for job in jobs)
        problems.append(
            Problem(f"there are {len(jobs)} DPOJobs here ({names}); give one at a time")
        )
    if problems:
        raise ManifestError(problems)
    return Manifest(jobs[0] if jobs else None, pools, others)


def check(document: Any) -> Iterator[tuple[Path, str]]:
    """(where, sentence) of everything wrong with one document of ours."""
    if not isinstance(document, Mapping):
        yield (), f"a manifest is a mapping, and this is {show_value(document)}"
        return
    kind, version = document.get("kind"), document.get("apiVersion")
    if kind not in KINDS:
        near = did_you_mean(nearest_field(str(kind), list(KINDS)))
        yield ("kind",), f"kind is {show_value(kind)}; it may be DPOJob or GPUPool{near}"
        return
    if version != API_VERSION:
        yield ("apiVersion",), f"apiVersion is {show_value(version)}; write {API_VERSION}"
    for part in document:
        if part not in PARTS:
            near = did_you_mean(nearest_field(str(part), list(PARTS)))
            hint = near or (": it belongs in spec" if part in _fields(kind) else "")
            yield (str(part),), f'unknown field "{part}"{hint}'
    yield from _metadata(kind, document.get("metadata"))
    spec = document.get("spec")
    if spec is None:
        yield (
            ("spec",),
            "spec is required: "
            + (
                "a DPOJob needs at least a model and a dataset"
                if kind == "DPOJob"
                else "a GPUPool needs at least its gpu"
            ),
        )
        return
    yield from _spec(KINDS[kind], without_nulls({"spec": spec})["spec"])


def _fields(kind: str) -> list[str]:
    return [field.alias or name for name, field in KINDS[kind].model_fields.items()]


def _metadata(kind: str, metadata: Any) -> Iterator[tuple[Path, str]]:
    here: Path = ("metadata", "name")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    name = metadata.get("name")
    if name is None:
        if metadata.get("generateName") is None:
            yield here, "metadata.name is required"
    elif not isinstance(name, str) or not re.fullmatch(DNS_NAME, name):
        form = "use lower-case letters, digits, '-' and '.'"
        yield here, f"metadata.name is {show_value(name)}: {form}"
    elif kind == "DPOJob" and len(name) > NAME_LENGTH:
        limit = f"a DPOJob's name has at most {NAME_LENGTH} characters: it labels the job's pods"
        yield here, f"metadata.name has {len(name)} characters; {limit}"


def _spec(model: type[BaseModel], spec: Any) -> Iterator[tuple[Path, str]]:
    unwritable = list(_not_numbers(spec, ("spec",)))
    for path in unwritable:
        yield path, f"{show_path(path)} is not a finite number"
    if unwritable:
        return
    # As JSON and strictly, because that is how the API server reads it: "8" is no number.
    text = json.dumps(spec, default=str)
    try:
        model.model_validate_json(text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        for detail in error.errors():
            yield ("spec", *detail["loc"]), sentence(detail, model, ("spec",))
    for path, message in broken(model, spec, ("spec",)):
        yield path, f"{show_path(path)}: {message}"


def _not_numbers(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, float) and not math.isfinite(value):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _not_numbers(inner, (*path, str(key)))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _not_numbers(inner, (*path, position))


def without_nulls(value: Any, path: Path = ()) -> Any:
    """As the API server prunes it: a field set to null is a field left out."""
    if path == FREE_FORM:
        return value
    if isinstance(value, Mapping):
        return {
            str(key): without_nulls(inner, (*path, str(key)))
            for key, inner in value.items()
            if inner is not None
        }
    if isinstance(value, list):
        return [without_nulls(inner, (*path, -1)) for inner in value]
    return value
