"""A manifest as text, with a comment on each choice."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import yaml

from dpojob_api.base import JSONObject
from dpojob_api.spec import Budget, Hardware, Training

TRAINING_FIELDS = ("epochs", "learning_rate", "beta", "batch_size", "max_length", "method")
"""Fields of spec.training that a newcomer may want to change."""
WIDTH = 100


def commented_manifest(document: JSONObject, notes: Iterable[str]) -> str:
    """Writes a manifest with comments.

    Args:
        document: The manifest.
        notes: What the look at the dataset found, a sentence each.

    Returns:
        YAML; fields that are not set are comments with their defaults.
    """
    spec = document["spec"]
    name = document["metadata"]["name"]
    parts = [
        f"# Made by `dpojob init`. `dpojob inspect -f FILE` checks it, `kubectl apply -f FILE` starts it, and\n"
        f"# `dpojob status {name} --watch` follows it.",
        _yaml({key: document[key] for key in ("apiVersion", "kind", "metadata")}),
        "spec:",
        _field(
            "model",
            spec,
            "repo of the hub, volume of a claim, or fromJob: the output of another job.",
        ),
        *(textwrap.indent(_comment(note), "  ") for note in notes),
        _field("dataset", spec, "Every row is checked before a GPU is asked for."),
        _with_defaults("training", spec, Training, TRAINING_FIELDS),
        _with_defaults("hardware", spec, Hardware, ("pool", "gpus")),
        _with_defaults("budget", spec, Budget, ("max_cost", "max_duration")),
    ]
    if "output" in spec:
        parts.append(_field("output", spec, "Where the model goes."))
    else:
        parts.append(
            f"  # output: by default a claim {name}-output is made, which outlives the job."
        )
    return "\n".join(parts) + "\n"


def _field(name: str, spec: JSONObject, comment: str) -> str:
    """A field with a comment above it."""
    return textwrap.indent(f"{_comment(comment)}\n{_yaml({name: spec[name]})}", "  ")


def _with_defaults(
    name: str, spec: JSONObject, model: type[Training | Hardware | Budget], fields: Iterable[str]
) -> str:
    """A part of the spec with its set fields, and the others as comments that describe them."""
    given = dict(spec.get(name, {}))
    mark = "" if given else "# "
    lines = [f"{mark}{name}:"]
    for attribute in fields:
        field = model.model_fields[attribute]
        alias = str(field.alias)
        if alias in given:
            lines.append(f"  # {field.description}")
            lines.append(textwrap.indent(_yaml({alias: given.pop(alias)}), "  "))
        else:
            default = "" if field.default is None else f" {field.default}"
            lines.append(
                f"{mark or '  # '}{'  ' if mark else ''}{alias}:{default}  # {field.description}"
            )
    if given:
        lines.append(textwrap.indent(_yaml(given), "  "))
    return textwrap.indent("\n".join(lines), "  ")


def _comment(text: str) -> str:
    return "\n".join(textwrap.wrap(text, WIDTH - 4, initial_indent="# ", subsequent_indent="# "))


def _yaml(value: JSONObject) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).rstrip("\n")
