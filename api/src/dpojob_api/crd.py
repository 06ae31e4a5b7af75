"""CustomResourceDefinitions from the models. `python -m dpojob_api.crd DIR...` writes them.

A CRD's schema must be structural (Kubernetes documentation, "Specifying a structural schema"): no
references, no `anyOf` with null, a type on every node. Defaults, enums, bounds and CEL rules are
carried over from the models, and descriptions too, for `kubectl explain`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import WithDefaultSchema

from .constants import API_VERSION, GROUP, VERSION
from .job import DPOJobStatus
from .pool import GPUPoolSpec, GPUPoolStatus
from .spec import MUTABLE_ALWAYS, DPOJobSpec

KEPT = (
    "type",
    "description",
    "enum",
    "format",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-validations",
)

_IMMUTABLE_PARTS = tuple(
    field
    for field in (info.alias or name for name, info in DPOJobSpec.model_fields.items())
    if field not in MUTABLE_ALWAYS
)

_BEGUN = ("dependency", "inspection", "dataset", "plan", "completionTime")
"""Fields of the status of which one is set as soon as anything was made of the spec."""


class _WithFactories(GenerateJsonSchema):
    """Shows what a default factory makes, less what the inner fields' own defaults say."""

    def get_default_value(self, schema: WithDefaultSchema) -> Any:
        factory = schema.get("default_factory")
        if factory is None:
            return super().get_default_value(schema)
        made = factory()  # type: ignore[call-arg]  # none of ours takes the validated data
        return made.model_dump(by_alias=True, exclude_unset=True) if made else made


def structural(model: type[Any], *, defaults: bool) -> dict[str, Any]:
    """The structural schema of a pydantic model; status schemas carry no defaults."""
    mode = "validation" if defaults else "serialization"
    schema = model.model_json_schema(by_alias=True, mode=mode, schema_generator=_WithFactories)
    return _convert(schema, schema.get("$defs", {}), defaults)


def _convert(node: dict[str, Any], definitions: dict[str, Any], defaults: bool) -> dict[str, Any]:
    described = node.get("description")
    default = node.get("default")
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[-1]]
        node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
    if "anyOf" in node:
        kinds = [kind for kind in node["anyOf"] if kind.get("type") != "null"]
        if len(kinds) > 1:  # Decimal accepts numbers and strings; on the wire it is a string.
            kinds = [kind for kind in kinds if kind.get("type") == "string"]
        rest = {k: v for k, v in node.items() if k not in ("anyOf", "default")}
        return _convert({**kinds[0], **rest}, definitions, defaults)
    if "const" in node:
        node = {**node, "enum": [node["const"]]}
    out: dict[str, Any] = {key: node[key] for key in KEPT if key in node}
    if described:
        out["description"] = described
    for bound in ("minimum", "maximum"):
        exclusive = out.pop(f"exclusive{bound.capitalize()}", None)
        if exclusive is not None:  # OpenAPI v3.0, which CRDs use, has it as a flag.
            out[bound] = exclusive
            out[f"exclusive{bound.capitalize()}"] = True
    if out.get("format") not in ("date-time", "int64"):
        out.pop("format", None)
    if out.get("type") == "integer":
        out["format"] = "int64"
    if node.get("type") == "object":
        _convert_object(node, out, definitions, defaults)
    if node.get("type") == "array":
        out["items"] = _convert(node["items"], definitions, defaults)
    if "type" not in out:
        out["x-kubernetes-preserve-unknown-fields"] = True
    if defaults and default is not None:
        out["default"] = _whole(default)
    return out


def _convert_object(
    node: dict[str, Any], out: dict[str, Any], definitions: dict[str, Any], defaults: bool
) -> None:
    properties = node.get("properties")
    if properties:
        out["properties"] = {
            name: _convert(child, definitions, defaults) for name, child in properties.items()
        }
        if node.get("required") and defaults:
            out["required"] = node["required"]
        if "conditions" in out["properties"]:
            out["properties"]["conditions"]["x-kubernetes-list-type"] = "map"
            out["properties"]["conditions"]["x-kubernetes-list-map-keys"] = ["type"]
            out["properties"]["conditions"]["items"]["required"] = ["type", "status", "reason"]
    else:
        values = node.get("additionalProperties", True)
        if isinstance(values, dict) and values:
            out["additionalProperties"] = _convert(values, definitions, defaults)
        else:
            out["x-kubernetes-preserve-unknown-fields"] = True


def _whole(value: Any) -> Any:
    """`1.0` as `1`, so that `kubectl get -o yaml` shows what a person would write."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(inner) for key, inner in value.items()}
    return value


def _immutable(part: str) -> dict[str, Any]:
    """Once it was looked at, `spec.<part>` may not change: what is trained is what was inspected.

    The rule is met in the same transaction as the edit, so no edit slips in beside the intent to
    inspect, which is written to the status before the inspection exists.
    """
    same = (
        f"(has(self.spec.{part}) == has(oldSelf.spec.{part}) && "
        f"(!has(self.spec.{part}) || self.spec.{part} == oldSelf.spec.{part}))"
    )
    begun = " || ".join(f"has(oldSelf.status.{field})" for field in _BEGUN)
    return {
        "rule": f"!has(oldSelf.status) || !({begun}) || {same}",
        "message": f"spec.{part} cannot change after inspection began or the job ended: verdict, plan "
        "and checkpoints are about what it was then. Create a DPOJob under a new name (or delete this "
        "one and apply again; its output claim stays). suspend, budget and ttlSecondsAfterFinished may "
        "change at any time",
        "fieldPath": f".spec.{part}",
    }


def _document(
    kind: str,
    plural: str,
    short: str,
    scope: str,
    schema: dict[str, Any],
    columns: list[tuple[str, str, str, str, int]],
) -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short],
                "categories": ["ml"],
            },
            "scope": scope,
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                    "additionalPrinterColumns": [
                        {
                            "name": name,
                            "type": type_,
                            "jsonPath": path,
                            "description": description,
                            **({"priority": priority} if priority else {}),
                        }
                        for name, type_, path, description, priority in columns
                    ],
                }
            ],
        },
    }


def _root(description: str, spec: type[Any], status: type[Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(spec, defaults=True),
            "status": structural(status, defaults=False),
        },
    }


def dpojob() -> dict[str, Any]:
    """The CRD of DPOJob."""
    schema = _root(
        "Tunes a language model on preference pairs with Direct Preference "
        "Optimization: the dataset is inspected, GPUs are planned, TRL trains, and the model and its "
        "report land on a volume or a hub.",
        DPOJobSpec,
        DPOJobStatus,
    )
    schema["x-kubernetes-validations"] = [
        {
            "rule": "size(self.metadata.name) <= 63",
            "message": "a DPOJob's name has at most 63 characters: it labels the job's pods",
        },
        *(_immutable(part) for part in _IMMUTABLE_PARTS),
    ]
    columns = [
        ("PHASE", "string", ".status.phase", "A summary of the conditions.", 0),
        ("MODEL", "string", ".status.display.model", "The model being tuned.", 0),
        ("POOL", "string", ".status.plan.pool", "The GPUPool it was planned on.", 0),
        ("PROGRESS", "string", ".status.display.progress", "Optimizer steps done.", 0),
        ("MARGIN", "string", ".status.display.margin", "Reward margin, chosen over rejected.", 0),
        ("ETA", "string", ".status.display.eta", "Time left at the measured rate.", 0),
        ("COST", "string", ".status.display.cost", "Spent so far.", 0),
        ("AGE", "date", ".metadata.creationTimestamp", "Since it was created.", 0),
        ("METHOD", "string", ".status.plan.method", "full, lora or qlora.", 1),
        (
            "REASON",
            "string",
            '.status.conditions[?(@.type=="Ready")].reason',
            "Why it is where it is.",
            1,
        ),
    ]
    return _document("DPOJob", "dpojobs", "dpo", "Namespaced", schema, columns)


def gpupool() -> dict[str, Any]:
    """The CRD of GPUPool."""
    schema = _root("GPUs of one kind that DPOJobs may be planned on.", GPUPoolSpec, GPUPoolStatus)
    columns = [
        ("GPU", "string", ".spec.gpu.model", "Kind of GPU.", 0),
        ("MEMORY", "number", ".spec.gpu.memoryGiB", "Memory of one GPU, GiB.", 0),
        ("$/H", "string", ".spec.hourlyPrice", "Price of one GPU for one hour.", 0),
        ("NODES", "integer", ".status.nodes", "Nodes that match the selector.", 0),
        ("FREE", "integer", ".status.free", "GPUs no pod has asked for.", 0),
        ("AGE", "date", ".metadata.creationTimestamp", "Since it was created.", 0),
        ("MIN", "string", ".spec.modelSize.min", "Smallest model it is first choice for.", 1),
        ("MAX", "string", ".spec.modelSize.max", "Largest, exclusive.", 1),
    ]
    return _document("GPUPool", "gpupools", "gpool", "Cluster", schema, columns)


def main(directories: list[str]) -> None:
    """Writes both CRDs, as YAML (JSON is YAML, but people read these), into each directory."""
    for directory in directories:
        target = Path(directory)
        target.mkdir(parents=True, exist_ok=True)
        for name, document in (("dpojobs", dpojob()), ("gpupools", gpupool())):
            header = f"# Generated from api/ ({API_VERSION}) by `make generate`. Do not edit.\n"
            (target / f"{name}.yaml").write_text(header + _yaml(document), encoding="utf-8")


def _yaml(value: Any, indent: int = 0) -> str:
    """Block YAML with JSON scalars: enough for schemas, and no dependency."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, inner in value.items():
            shown = key if key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)
            if isinstance(inner, dict | list) and inner:
                lines.append(f"{pad}{shown}:\n{_yaml(inner, indent + 1)}")
            else:
                lines.append(f"{pad}{shown}: {_scalar(inner)}\n")
        return "".join(lines)
    if isinstance(value, list) and value:
        lines = []
        for inner in value:
            if isinstance(inner, dict | list) and inner:
                block = _yaml(inner, indent + 1)
                lines.append(f"{pad}- {block[len(pad) + 2 :]}")
            else:
                lines.append(f"{pad}- {_scalar(inner)}\n")
        return "".join(lines)
    return f"{pad}{_scalar(value)}\n"


def _scalar(value: Any) -> str:
    """JSON, but 5e-06 as 5.0e-06: YAML 1.1 takes the former for text."""
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and "e" in text and "." not in text:
        return text.replace("e", ".0e")
    return text


if __name__ == "__main__":
    main(sys.argv[1:])
