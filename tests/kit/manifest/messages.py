"""What the checks of a manifest say about a spec."""

from __future__ import annotations

from typing import Any

from dpojob_api.constants import API_VERSION
from dpojob_api.manifest import ManifestError, load_all


def messages(**parts: Any) -> list[str]:
    """The messages on a DPOJob with a model, a dataset and these parts; none where it is valid."""
    spec = {"model": {"repo": "a/b"}, "dataset": {"repo": "c/d"}, **parts}
    document = {"apiVersion": API_VERSION, "kind": "DPOJob", "metadata": {"name": "x"}}
    try:
        load_all([document | {"spec": spec}])
    except ManifestError as error:
        return [problem.message for problem in error.problems]
    return []
