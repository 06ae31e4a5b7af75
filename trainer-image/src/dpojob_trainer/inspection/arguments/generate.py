"""Writes the table of DPOConfig's fields from the installed TRL.

python -m dpojob_trainer.inspection.arguments.generate
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import re
import types
import typing
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("dpo_config.json")


def table() -> dict[str, Any]:
    """Each field's accepted JSON types, and its choices where it has them."""
    import trl
    from trl.trainer import dpo_trainer

    hints = typing.get_type_hints(trl.DPOConfig)
    fields = {}
    for field in dataclasses.fields(trl.DPOConfig):
        if field.init:
            accepted, choices = _accepted(hints[field.name])
            stated = field.metadata.get("choices")
            if stated is not None:
                choices = sorted(stated)
            entry: dict[str, Any] = {"types": sorted(accepted)}
            if choices:
                entry["choices"] = choices
            fields[field.name] = entry
    # DPOConfig says nothing of these choices; the trainer compares with each of them by name.
    source = inspect.getsource(dpo_trainer)
    for name in ("loss_type", "f_divergence_type"):
        fields[name]["choices"] = sorted(set(re.findall(rf'\b{name} == "(\w+)"', source)))
    fields["loss_type"]["types"] = ["list of text", "text"]
    return {"trl": trl.__version__, "fields": dict(sorted(fields.items()))}


def _accepted(hint: Any) -> tuple[set[str], list[str]]:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        accepted: set[str] = set()
        choices: list[str] = []
        for part in typing.get_args(hint):
            more, named = _accepted(part)
            accepted |= more
            choices += named
        return accepted, choices
    if origin is typing.Literal:
        kinds = {_name(type(value)) for value in typing.get_args(hint)}
        return kinds, []
    if origin is list:
        (item,) = typing.get_args(hint) or (Any,)
        return {f"list of {_name(item)}"}, []
    if origin is dict:
        return {"object"}, []
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"text"}, sorted(str(member.value) for member in hint)
    return {_name(hint)}, []


def _name(kind: Any) -> str:
    names = {
        bool: "true or false",
        int: "whole number",
        float: "number",
        str: "text",
        dict: "object",
        type(None): "null",
    }
    return names.get(
        kind, "text" if isinstance(kind, type) and issubclass(kind, enum.Enum) else "object"
    )


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), indent=1) + "\n")
    print(f"wrote {TABLE.name}")
