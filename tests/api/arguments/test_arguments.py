"""The schema of `training.arguments`: bounded in every place, and the checks that go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from dpojob_api import crd
from dpojob_api.arguments import (
    MAX_CHARACTERS,
    MAX_DEPTH,
    REFUSED,
    REMOVED,
    RESERVED,
    is_nested_deeper,
)
from dpojob_api.manifest import ManifestError, load
from dpojob_api.spec import DPOJobSpec, Training

SPEC = crd.structural_schema(DPOJobSpec, defaults=True)
ARGUMENTS = SPEC["properties"]["training"]["properties"]["arguments"]


def unbounded(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Places of a schema that take texts, lists or mappings of any size or depth."""
    kind = schema.get("type")
    schema = schema | (schema["anyOf"][1] if "anyOf" in schema else {})
    if schema.get("x-kubernetes-validations", [{}])[0].get("rule") == "false":
        return
    if "x-kubernetes-int-or-string" in schema:
        kind = "string"
    if kind in (None, "string") and not {"maxLength", "enum", "format"} & set(schema):
        yield f"{path}: text"
    if kind in (None, "array"):
        if "maxItems" not in schema or ("items" not in schema and schema["maxItems"]):
            yield f"{path}: list"
        if "items" in schema:
            yield from unbounded(schema["items"], f"{path}[]")
    if kind in (None, "object") and "properties" not in schema:
        if "maxProperties" not in schema or (
            "additionalProperties" not in schema and schema["maxProperties"]
        ):
            yield f"{path}: mapping"
        if "additionalProperties" in schema:
            yield from unbounded(schema["additionalProperties"], f"{path}.*")
    for name, child in schema.get("properties", {}).items():
        yield from unbounded(child, f"{path}.{name}")


def test_every_value_of_the_spec_is_bounded_in_size_and_depth() -> None:
    assert list(unbounded(SPEC, "spec")) == []


def test_the_names_that_users_may_not_write_have_rules_with_the_replacement() -> None:
    for name in [*RESERVED, *REMOVED, *REFUSED]:
        (rule,) = ARGUMENTS["properties"][name]["x-kubernetes-validations"]
        assert rule["message"].startswith(name)
        assert rule["rule"] in ("false", "!self")


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_measured_without_recursion() -> None:
    assert is_nested_deeper(nested(100_000), 5)
    assert not is_nested_deeper(nested(5), 5)
    assert is_nested_deeper({"a": [{}]}, 2)
    assert not is_nested_deeper({"a": [{}]}, 3)
    assert not is_nested_deeper(1, 0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (nested(MAX_DEPTH), "nested in more than 4 levels"),
        (nested(500), "nested in more than 4 levels"),
        ("x" * MAX_CHARACTERS, "more than 262144 characters"),
    ],
)
def test_a_stored_spec_with_deep_or_large_arguments_is_invalid(value: Any, message: str) -> None:
    Training(arguments={"model_init_kwargs": {"a": {"b": [1]}}})
    with pytest.raises(ValidationError, match=message):
        Training.model_validate({"arguments": {"a": value}})


def test_a_deep_document_is_a_manifest_error() -> None:
    with pytest.raises(ManifestError, match="nested in more than 32 levels"):
        load([{"kind": "DPOJob", "spec": nested(5000)}])


def test_an_unknown_argument_is_refused_with_the_nearest_name() -> None:
    document = {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "DPOJob",
        "metadata": {"name": "t"},
        "spec": {
            "model": {"repo": "a/b"},
            "dataset": {"repo": "c/d"},
            "training": {"arguments": {"warmup_stps": 1}},
        },
    }
    with pytest.raises(ManifestError) as caught:
        load([document])
    (problem,) = caught.value.problems
    assert problem.message == (
        "spec.training.arguments: warmup_stps is no field of DPOConfig; did you mean warmup_steps?"
    )
    assert problem.path == ("spec", "training", "arguments", "warmup_stps")
