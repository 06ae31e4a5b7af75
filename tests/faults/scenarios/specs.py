"""DPOJob specs from the CRD's own schema, changed only so far that the API server accepts most of them."""

from __future__ import annotations

import functools
from typing import Any

import yaml
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from tests.kit.repository import ROOT

from dpojob_api.base import JSONObject

SHARED_CLAIM = "shared"
"""Exists in the namespace of a sequence of edits."""
FOREVER = 3600
"""A ttl below this would pass, or not, by the clock: it becomes 0."""
LONGEST_TEXT = 24
LONGEST_LIST = 3
MANY_FIELDS, FEW_FIELDS = 60, 3
"""An object with more fields than the first number, such as `training.arguments`, has at most the second number set."""


REFUSES = {"false", "!self"}
"""CEL rules of fields that the schema has only to say what to write instead."""


def _texts(schema: JSONObject) -> st.SearchStrategy[str]:
    least = schema.get("minLength", 0)
    most = max(least, min(schema.get("maxLength", LONGEST_TEXT), LONGEST_TEXT))
    if "pattern" in schema:
        fitting = st.from_regex(schema["pattern"], alphabet=st.characters(codec="ascii"))
        # A pattern's `$` also matches before a final newline; Kubernetes' does not.
        return fitting.map(str.strip).filter(lambda text: least <= len(text) <= most)
    plain = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))
    return st.text(plain, min_size=least, max_size=most)


def _objects(schema: JSONObject) -> st.SearchStrategy[JSONObject]:
    fields = {
        name: inner
        for name, inner in schema.get("properties", {}).items()
        if not REFUSES & {rule["rule"] for rule in inner.get("x-kubernetes-validations", ())}
    }
    if not fields:
        values = st.one_of(st.integers(-5, 5), st.booleans(), st.text("abc", max_size=5))
        return st.dictionaries(st.text("abc_", min_size=1, max_size=9), values, max_size=2)
    required = set(schema.get("required", ()))
    made = {name: from_schema(inner) for name, inner in fields.items()}
    if len(made) > MANY_FIELDS:
        names = st.lists(st.sampled_from(sorted(made)), max_size=FEW_FIELDS, unique=True)
        return names.flatmap(lambda chosen: st.fixed_dictionaries({n: made[n] for n in chosen}))
    return st.fixed_dictionaries(
        {name: inner for name, inner in made.items() if name in required},
        optional={name: inner for name, inner in made.items() if name not in required},
    )


def from_schema(schema: JSONObject) -> st.SearchStrategy[Any]:
    """A strategy for the values that a structural schema admits; CEL is not looked at."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    least, most = schema.get("minimum"), schema.get("maximum")
    match schema.get("type"):
        case "object":
            return _objects(schema)
        case "array":
            size = min(schema.get("maxItems", LONGEST_LIST), LONGEST_LIST)
            inner = from_schema(schema["items"])
            return st.lists(inner, min_size=schema.get("minItems", 0), max_size=size)
        case "string":
            return _texts(schema)
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(least, most)
        case "number":
            numbers = st.floats(least, most, allow_nan=False, allow_infinity=False, width=32)
            return numbers.filter(lambda n: not (schema.get("exclusiveMinimum") and n == least))
        case None if "x-kubernetes-int-or-string" in schema:
            return st.one_of(st.integers(), _texts(schema))
        case None if "items" in schema:
            size = min(schema["maxItems"], LONGEST_LIST)
            items = from_schema(schema["items"])
            return st.one_of(
                _texts(schema), st.lists(items, min_size=schema.get("minItems", 0), max_size=size)
            )
        case None:
            return _texts(schema)
        case kind:
            raise ValueError(f"the CRD has a field of type {kind!r}: teach it to {__name__}")


@functools.cache
def strategy() -> st.SearchStrategy[JSONObject]:
    """A strategy for any spec that fits the CRD's structural schema."""
    (crd,) = yaml.safe_load_all((ROOT / "crds" / "dpojobs.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return _objects(schema)


def generate(number: int, seed: int) -> list[JSONObject]:
    """A number of specs; the same ones for the same seed."""
    found: list[JSONObject] = []

    @seeded(seed)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy())
    def collect(spec: JSONObject) -> None:
        found.append(spec)

    collect()
    return found


def _keep_one(value: JSONObject, fields: tuple[str, ...], otherwise: JSONObject) -> None:
    there = [field for field in fields if field in value]
    keep = there[len(repr(value)) % len(there)] if there else ""
    for field in there:
        if field != keep:
            del value[field]
    if not there:
        value.update(otherwise)


def _claim(value: Any) -> None:
    if isinstance(value, dict) and "claimName" in value:
        if len(value["claimName"]) % 4:
            value["claimName"] = SHARED_CLAIM
        if "path" in value:
            value["path"] = "/".join(p for p in value["path"].split("/") if p not in ("", ".."))


def mended(spec: JSONObject, pool: str) -> JSONObject:
    """The spec, changed so that CEL accepts it, this operator takes it, and most of its claims and pools exist."""
    spec.pop("managedBy", None)  # the operator leaves a DPOJob of another controller as it is
    model, dataset = spec["model"], spec["dataset"]
    _keep_one(model, ("repo", "volume", "fromJob"), {"repo": "org/model"})
    _keep_one(dataset, ("repo", "volume", "urls"), {"repo": "org/pairs"})
    if "repo" not in model:
        model.pop("revision", None)
    if "repo" not in dataset:
        dataset.pop("revision", None)
        dataset.pop("config", None)
    if "eval" in dataset:
        _keep_one(dataset["eval"], ("fraction", "split"), {"fraction": 0.1})
    for holder in (model, dataset, spec.get("output") or {}):
        _claim(holder.get("volume"))
    hardware = spec.get("hardware") or {}
    if "pool" in hardware and len(hardware["pool"]) % 4:
        hardware["pool"] = pool
    if "gpus" in hardware:
        nodes = hardware.get("nodes", 1)
        hardware["gpus"] = max(1, hardware["gpus"] // nodes) * nodes
    if spec.get("ttlSecondsAfterFinished", FOREVER) < FOREVER:
        spec["ttlSecondsAfterFinished"] = 0
    return spec
