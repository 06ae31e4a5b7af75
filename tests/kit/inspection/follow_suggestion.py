"""A suggestion followed as a user would: what `dpojob inspect` prints is pasted into the manifest."""

from __future__ import annotations

from typing import Any

import yaml

from dpojob.views.report_view import suggested_yaml
from dpojob_api.report import Suggestion
from dpojob_api.spec import DPOJobSpec


def follow(spec: DPOJobSpec, suggestion: Suggestion) -> DPOJobSpec:
    """The spec with the printed suggestion added to it."""
    printed = suggested_yaml(suggestion)
    assert printed is not None
    return DPOJobSpec.model_validate(_added(spec.wire(), yaml.safe_load(printed)["spec"]))


def _added(document: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return document | {
        key: _added(document[key], value)
        if isinstance(value, dict) and isinstance(document.get(key), dict)
        else value
        for key, value in more.items()
    }
