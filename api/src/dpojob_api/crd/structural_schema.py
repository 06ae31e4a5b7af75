"""Structural schemas of pydantic models, as a CustomResourceDefinition requires them.

A CRD's schema must be structural (Kubernetes documentation, "Specifying a structural schema"): no
references, no `anyOf` with null, a type on every node. Defaults, enums, bounds and CEL rules are
copied from the models, and descriptions too, for `kubectl explain`.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core.core_schema import WithDefaultSchema

from .type_unions import union_of_types

COPIED_KEYS = (
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
    "minProperties",
    "maxProperties",
    "nullable",
    "x-kubernetes-validations",
)
"""Keys of JSON schema that a CRD's schema has as well."""


class _WithFactories(GenerateJsonSchema):
    """Writes what a default factory makes, without the fields that have a default themselves."""

    def get_default_value(self, schema: WithDefaultSchema) -> Any:
        factory = schema.get("default_factory")
        if factory is None:
            return super().get_default_value(schema)
        made = factory()  # type: ignore[call-arg]  # no factory here takes the validated data
        return made.model_dump(by_alias=True, exclude_unset=True) if made else made


def structural_schema(model: type[Any], *, defaults: bool) -> dict[str, Any]:
    """Make the structural schema of a pydantic model.

    Args:
        model: The model of a spec or a status.
        defaults: Whether the schema has defaults and required fields; those of a status have neither.

    Returns:
        A schema for `openAPIV3Schema`.
    """
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
        if len(kinds) > 1 and any(kind.get("type") == "array" for kind in kinds):
            kinds = [_scalar_or_list(kinds)]
        elif len(kinds) > 1:  # Decimal accepts numbers and strings; on the wire it is a string.
            kinds = [kind for kind in kinds if kind.get("type") == "string"]
        rest = {k: v for k, v in node.items() if k not in ("anyOf", "default")}
        return _convert({**kinds[0], **rest}, definitions, defaults)
    if "const" in node:
        node = {**node, "enum": [node["const"]]}
    out: dict[str, Any] = {key: node[key] for key in COPIED_KEYS if key in node}
    if isinstance(node.get("type"), list):
        del out["type"]
        out |= union_of_types(node["type"], node.get("items", {}))
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
    if node.get("type") == "object" or "additionalProperties" in node:
        _convert_object(node, out, definitions, defaults)
    if "items" in node:
        out["items"] = _convert(node["items"], definitions, defaults)
    if not {"type", "x-kubernetes-int-or-string"} & set(out):
        out["x-kubernetes-preserve-unknown-fields"] = True
    if defaults and default is not None:
        out["default"] = _integral(default)
    return out


def _scalar_or_list(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """The JSON schema of a scalar or a list of such, with the types of both.

    Bounds of lengths apply to texts alone, those of items to lists alone.

    Returns:
        One node that stands for all kinds.
    """
    merged: dict[str, Any] = {}
    types: list[str] = []
    for kind in sorted(kinds, key=lambda kind: kind.get("type") == "array"):
        merged |= kind
        types += kind["type"] if isinstance(kind["type"], list) else [kind["type"]]
    return {**merged, "type": types}


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


def _integral(value: Any) -> Any:
    """`1.0` as `1`, so that `kubectl get -o yaml` shows whole numbers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _integral(inner) for key, inner in value.items()}
    return value
