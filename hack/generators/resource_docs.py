#!/usr/bin/env python3
"""Writes docs/reference/dpojob.md, gpupool.md and costquota.md from the CRDs. With `--check`, fails when one is stale."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from generated_files import ROOT, write_or_check

PAGES = {"dpojobs": "dpojob", "gpupools": "gpupool", "costquotas": "costquota"}
Schema = Mapping[str, Any]


def main(arguments: list[str]) -> int:
    """Writes the pages, or compares them.

    Args:
        arguments: The command line's arguments.

    Returns:
        The exit status.
    """
    pages = {}
    for crd, name in PAGES.items():
        lines = page_lines(yaml.safe_load((ROOT / f"crds/{crd}.yaml").read_text()))
        pages[ROOT / f"docs/reference/{name}.md"] = "".join(lines)
    return write_or_check(pages, arguments)


def page_lines(crd: Schema) -> Iterator[str]:
    """The page of a resource.

    Args:
        crd: The CustomResourceDefinition.

    Yields:
        Lines, each with its end.
    """
    spec = crd["spec"]
    names, version = spec["names"], spec["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    yield f"# {names['kind']}\n\n<!-- Generated from crds/ by `make generate`. Do not edit. -->\n\n"
    yield f"{schema['description']}\n\n"
    short = ", ".join(f"`{name}`" for name in names.get("shortNames", []))
    yield f"API version `{spec['group']}/{version['name']}`, {spec['scope'].lower()}"
    yield f"; short name {short}.\n" if short else ".\n"
    yield "Fields in bold are required. `kubectl explain` shows the same texts.\n"
    for part in ("spec", "status"):
        yield from sections(part, schema["properties"][part])
    yield "\n## Columns of `kubectl get`\n\n| column | field | wide only |\n|---|---|---|\n"
    for column in version.get("additionalPrinterColumns", []):
        wide = "yes" if column.get("priority", 0) else ""
        yield f"| {column['name']} | `{column['jsonPath'].replace('|', chr(92) + '|')}` | {wide} |\n"


def sections(path: str, schema: Schema) -> Iterator[str]:
    """The section of an object, followed by those of the objects in it.

    Args:
        path: The object's path, such as `spec.model`.
        schema: Its schema.

    Yields:
        Lines.
    """
    yield f"\n## {path}\n\n{cell(schema.get('description', ''))}\n"
    for rule in schema.get("x-kubernetes-validations", []):
        yield f"\n- {cell(rule['message'])}\n"
    yield "\n| field | type | default | meaning |\n|---|---|---|---|\n"
    required = set(schema.get("required", []))
    inner: list[tuple[str, Schema]] = []
    for name, field in schema["properties"].items():
        shown = f"**{name}**" if name in required else name
        default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
        meaning = cell(field.get("description", ""))
        yield f"| {shown} | {type_text(field)} | {default} | {meaning} |\n"
        inner += [(f"{path}.{name}{suffix}", child) for suffix, child in objects_in(field)]
    for inner_path, child in inner:
        yield from sections(inner_path, child)


def objects_in(field: Schema) -> Iterator[tuple[str, Schema]]:
    """The object with properties that a field holds, directly or in a list or a map.

    Args:
        field: The field's schema.

    Yields:
        What to append to the field's path, and the object's schema; at most one.
    """
    if "properties" in field:
        yield "", field
    elif isinstance(field.get("items"), Mapping):
        yield from ((f"[]{suffix}", child) for suffix, child in objects_in(field["items"]))
    elif isinstance(field.get("additionalProperties"), Mapping):
        yield from (
            (f".*{suffix}", child) for suffix, child in objects_in(field["additionalProperties"])
        )


def type_text(field: Schema) -> str:
    """A field's type with its limits, such as `integer, 1 to 64`.

    Args:
        field: The field's schema.

    Returns:
        The text, as Markdown.
    """
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if "anyOf" in field:  # its first alternative names the types, see dpojob_api/crd/type_unions.py
        *others, last = field["anyOf"][0]["enum"]
        return f"{', '.join(others)} or {last}{limits(field, 'minLength', 'maxLength')}{limits(field, 'minItems', 'maxItems')}"
    kind = str(field.get("type", "any"))
    if kind == "array":
        return f"list of {type_text(field['items'])}{limits(field, 'minItems', 'maxItems')}"
    if kind == "object" and isinstance(field.get("additionalProperties"), Mapping):
        return f"map of {type_text(field['additionalProperties'])}"
    if kind == "string":
        return f"{field.get('format', 'string')}{limits(field, 'minLength', 'maxLength')}"
    return f"{kind}{limits(field, 'minimum', 'maximum')}"


def limits(field: Schema, low: str, high: str) -> str:
    """A field's limits, as `type_text` shows them.

    Args:
        field: The field's schema.
        low: The keyword of the lower limit.
        high: The keyword of the upper limit.

    Returns:
        The text; empty without a limit.
    """
    least, most = field.get(low), field.get(high)
    if low == "minLength" and least == 1:
        least = None
    unit = {"maxLength": " characters", "maxItems": " items"}.get(high, "")
    if least is not None and most is not None:
        return f", {least} to {most}{unit}"
    if least is not None:
        return f", at least {least}{unit}"
    return f", at most {most}{unit}" if most is not None else ""


def cell(text: str) -> str:
    """Text for a cell of a table.

    Args:
        text: One or more lines.

    Returns:
        One line, in which `|`, `<` and `*` stand for themselves.
    """
    escaped = " ".join(text.split())
    for sign in "|<*":
        escaped = escaped.replace(sign, "\\" + sign)
    return escaped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
