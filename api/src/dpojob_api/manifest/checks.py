"""Everything that is wrong with one document, found as the API server would find it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from dpojob_api.arguments import argument_problem, is_nested_deeper
from dpojob_api.constants import API_VERSION
from dpojob_api.spec import DNS_NAME, DPOJobSpec
from dpojob_api.value_display import show_value

from .cel_rules import Path, broken_rules
from .common_mistakes import SYNONYMS, advice_on_variable
from .plain_values import advice_on_characters
from .union_errors import merge_union_errors
from .validation_messages import (
    did_you_mean,
    error_message,
    field_names,
    nearest_field,
    show_path,
)

NAME_LENGTH = 63
"""Characters of a DPOJob's name: it labels the job's pods, and label values are limited to 63."""
LEAST = {
    "DPOJob": "a DPOJob needs at least a model and a dataset",
    "GPUPool": "a GPUPool needs at least its gpu",
    "CostQuota": "a CostQuota needs at least its maxCost",
}
"""What a spec holds at least, by kind."""
KINDS = tuple(LEAST)
"""The kinds of documents that are checked."""
NAMESPACE = r"(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?"
"""The pattern that the API server requires of a namespace's name (RFC 1123 label)."""
PARTS = ("apiVersion", "kind", "metadata", "spec", "status")
"""Top-level fields of a document."""
METADATA = (
    "name", "generateName", "namespace", "labels", "annotations", "finalizers", "ownerReferences", "uid",
    "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "managedFields", "selfLink",
)  # fmt: skip
"""Fields of metadata (k8s.io/apimachinery, ObjectMeta)."""
FREE_FORM = ("spec", "training", "arguments")
"""Path of the field below which null is a value and is kept."""
MAX_DEPTH = 32
"""Levels of lists and mappings in a document; no field of the spec is as deep."""


def check_document(document: Any) -> Iterator[tuple[Path, str]]:
    """Find everything that is wrong with a DPOJob, GPUPool or CostQuota document.

    Args:
        document: A parsed YAML or JSON document.

    Yields:
        The path of each error and a sentence that says what to write.
    """
    if not isinstance(document, Mapping):
        dash = isinstance(document, list) and [
            each for each in document if isinstance(each, Mapping)
        ]
        advice = (
            ": write it without the dash; a line --- parts manifests in one file" if dash else ""
        )
        yield (), f"a manifest is a mapping, and this is {show_value(document)}{advice}"
        return
    if is_nested_deeper(document, MAX_DEPTH):
        yield (), f"lists and mappings are nested in more than {MAX_DEPTH} levels"
        return
    kind, version = document.get("kind"), document.get("apiVersion")
    if isinstance(version, str) and version in KINDS:
        yield (
            ("apiVersion",),
            f"apiVersion is {show_value(version)}: write apiVersion: {API_VERSION}, kind: {version}",
        )
        return
    if not isinstance(kind, str) or kind not in KINDS:
        near = did_you_mean(nearest_field(str(kind), KINDS))
        yield ("kind",), f"kind is {show_value(kind)}; it may be DPOJob, GPUPool or CostQuota{near}"
        return
    if version != API_VERSION:
        yield ("apiVersion",), f"apiVersion is {show_value(version)}; write {API_VERSION}"
    for part, value in document.items():
        if part not in PARTS:
            yield (str(part),), f'unknown field "{part}"{_hint_on_part(str(part), value, kind)}'
    yield from _check_metadata(kind, document.get("metadata"))
    spec = document.get("spec")
    if spec is None:
        yield ("spec",), f"spec is required: {LEAST[kind]}"
        return
    yield from _check_spec(_spec_model(kind), without_nulls({"spec": spec})["spec"])


def _spec_model(kind: str) -> type[BaseModel]:
    """The model of a kind's spec; those of GPUPool and CostQuota are imported for their own documents alone."""
    if kind == "GPUPool":
        from dpojob_api.pool import GPUPoolSpec

        return GPUPoolSpec
    if kind == "CostQuota":
        from dpojob_api.cost_quota import CostQuotaSpec

        return CostQuotaSpec
    return DPOJobSpec


def _hint_on_part(part: str, value: Any, kind: str) -> str:
    """The end of the sentence on an unknown field beside metadata and spec; empty where nothing is known."""
    if (advice := advice_on_characters(part, value)) is not None:
        return f": {advice}"
    if part in METADATA:
        return ": it belongs in metadata"
    if part in field_names(_spec_model(kind)):
        return ": it belongs in spec"
    return did_you_mean(nearest_field(part, PARTS))


def _check_metadata(kind: str, metadata: Any) -> Iterator[tuple[Path, str]]:
    here: Path = ("metadata", "name")
    if metadata is not None and not isinstance(metadata, Mapping):
        is_name = isinstance(metadata, str) and re.fullmatch(DNS_NAME, metadata)
        advice = f": write {{name: {metadata}}}" if is_name else ""
        yield ("metadata",), f"metadata is {show_value(metadata)}; it must be a mapping{advice}"
        return
    metadata = metadata or {}
    for field in metadata:
        if field not in METADATA and (near := nearest_field(str(field), METADATA)) is not None:
            yield ("metadata", str(field)), f'unknown field "metadata.{field}"{did_you_mean(near)}'
    name = metadata.get("name")
    if name is None:
        if metadata.get("generateName") is None:
            yield here, "metadata.name is required"
    elif not isinstance(name, str) or not re.fullmatch(DNS_NAME, name):
        yield here, f"metadata.name is {show_value(name)}: {_name_advice(name)}"
    elif kind == "DPOJob" and len(name) > NAME_LENGTH:
        limit = f"a DPOJob's name has at most {NAME_LENGTH} characters: it labels the job's pods"
        yield here, f"metadata.name has {len(name)} characters; {limit}"
    namespace = metadata.get("namespace")
    if namespace is not None and not (
        isinstance(namespace, str) and re.fullmatch(NAMESPACE, namespace)
    ):
        form = "use at most 63 lower-case letters, digits and '-', with no '-' at its ends"
        where: Path = ("metadata", "namespace")
        yield where, f"metadata.namespace is {show_value(namespace)}: {form}"


def _name_advice(name: Any) -> str:
    """What to write instead of a name that is no DNS name: the nearest one, where there is one."""
    if isinstance(name, int | float) and not isinstance(name, bool):
        return f'write it in quotes, "{name}"'
    near = re.sub(r"[^a-z0-9.]+", "-", str(name).lower()).strip("-.")
    form = "use lower-case letters, digits, '-' and '.'"
    return f"{form}, like {near}" if re.fullmatch(DNS_NAME, near) else form


def _check_spec(model: type[BaseModel], spec: Any) -> Iterator[tuple[Path, str]]:
    not_finite = list(_non_finite_paths(spec, ("spec",)))
    for path in not_finite:
        yield path, f"{show_path(path)} is not a finite number"
    if not_finite:
        return
    # As JSON and strictly, because the API server reads it so: "8" is not a number.
    text = json.dumps(spec, default=str)
    try:
        model.model_validate_json(text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        for detail in merge_union_errors(error.errors(), model):
            path = ("spec", *detail["loc"])
            variable = advice_on_variable(detail["input"])
            if variable is not None and detail["type"] != "extra_forbidden":
                yield path, f"{show_path(path)} is {show_value(detail['input'])}: {variable}"
            else:
                yield path, error_message(detail, model, ("spec",))
    for path, message in broken_rules(model, spec, ("spec",)):
        yield path, f"{show_path(path)}: {message}"
    yield from _check_arguments(spec)


def _check_arguments(spec: Any) -> Iterator[tuple[Path, str]]:
    """Names and types of the arguments, of which the API server knows only its schema."""
    arguments: Any = spec
    for part in FREE_FORM[1:]:
        arguments = arguments.get(part) if isinstance(arguments, Mapping) else None
    if isinstance(arguments, Mapping):
        for name, value in arguments.items():
            if value is not None and (problem := argument_problem(name, value)):
                meant = SYNONYMS.get(str(name))
                if meant is not None:
                    problem = f"{name} is no field of DPOConfig; write spec.{meant}"
                yield (*FREE_FORM, name), f"{show_path(FREE_FORM)}: {problem}"


def _non_finite_paths(value: Any, path: Path) -> Iterator[Path]:
    if isinstance(value, float) and not math.isfinite(value):
        yield path
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _non_finite_paths(inner, (*path, str(key)))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _non_finite_paths(inner, (*path, position))


def without_nulls(value: Any, path: Path = ()) -> Any:
    """Remove fields that are null, as the API server does: null means absent.

    Args:
        value: A document, or a value in it.
        path: Place of the value in the document.

    Returns:
        A copy without nulls, except below FREE_FORM.
    """
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
