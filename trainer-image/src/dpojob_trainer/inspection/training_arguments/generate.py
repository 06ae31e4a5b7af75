"""Writes the table of DPOConfig's fields from the installed TRL.

python -m dpojob_trainer.inspection.training_arguments.generate
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import re
import types
import typing
from typing import Any

from dpojob_api.arguments import TABLE

CALLED_WITH = ("optimizer", "num_warmup_steps", "num_training_steps", "last_epoch")
"""Parameters of a schedule that the Trainer passes; all others come from the user."""


def table() -> dict[str, Any]:
    """Describe the fields of the installed DPOConfig.

    Returns:
        The accepted JSON types and choices of each field, the parameters of each learning rate
        schedule, the fields of the models' configs and the types of causal language models.
    """
    import trl
    from trl.trainer import dpo_trainer

    hints = typing.get_type_hints(trl.DPOConfig)
    fields = {}
    for field in dataclasses.fields(trl.DPOConfig):
        if field.init:
            accepted, choices = _accepted_types(hints[field.name])
            stated = field.metadata.get("choices")
            if stated is not None:
                choices = sorted(stated)
            if "object" in accepted:
                accepted.discard("text")  # JSON in a string, or a path that no pod has
            entry: dict[str, Any] = {"types": sorted(accepted)}
            if (default := _default(field)) is not None:
                entry["default"] = default
            if choices:
                entry["choices"] = choices
            fields[field.name] = entry
    # DPOConfig does not list these choices; DPOTrainer compares the value with each of them.
    source = inspect.getsource(dpo_trainer)
    for name in ("loss_type", "f_divergence_type"):
        fields[name]["choices"] = sorted(set(re.findall(rf'\b{name} == "(\w+)"', source)))
    fields["loss_type"]["types"] = ["list of text", "text"]
    logged = re.findall(r'_metrics\[mode\]\["([\w/]+)"\]', source)
    fields["metric_for_best_model"]["choices"] = [
        prefix + name for prefix in ("eval_", "") for name in sorted({"loss", *logged})
    ]
    for name in ("model_init_kwargs", "lr_scheduler_kwargs"):
        fields[name]["types"] = ["null", "object"]
    return {
        "trl": trl.__version__,
        "fields": dict(sorted(fields.items())),
        "schedules": _schedules(),
        "model": _model_fields(),
        "modelTypes": _model_types(),
    }


def _schedules() -> dict[str, dict[str, list[str]]]:
    """The options of each learning rate schedule, and the required ones among them."""
    from torch.optim.lr_scheduler import ReduceLROnPlateau
    from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION, GreedyLR

    passed_on: dict[str, Any] = {"reduce_lr_on_plateau": ReduceLROnPlateau, "greedy": GreedyLR}
    schedules = {}
    for kind, function in TYPE_TO_SCHEDULER_FUNCTION.items():
        parameters = inspect.signature(passed_on.get(kind.value, function)).parameters.values()
        options = [parameter for parameter in parameters if parameter.name not in CALLED_WITH]
        required = [parameter.name for parameter in options if parameter.default is parameter.empty]
        schedules[kind.value] = {
            "takes": [parameter.name for parameter in options],
            "needs": required,
        }
    return schedules


def _model_fields() -> list[str]:
    """The fields of every causal language model's config, which `from_pretrained` takes as well."""
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    fields = {
        field.name
        for kind in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
        for field in dataclasses.fields(CONFIG_MAPPING[kind])
    }
    return sorted(name for name in fields if not name.startswith("_"))


def _model_types() -> list[str]:
    """`model_type` of every causal language model whose code transformers has."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def _accepted_types(hint: Any) -> tuple[set[str], list[str]]:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        accepted: set[str] = set()
        choices: list[str] = []
        for part in typing.get_args(hint):
            more, named = _accepted_types(part)
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


def _default(field: dataclasses.Field[Any]) -> Any:
    """The default as JSON has it; None also where there is none."""
    value = field.default
    if field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    value = value.value if isinstance(value, enum.Enum) else value
    return None if value is dataclasses.MISSING else value


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
