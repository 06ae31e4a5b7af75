"""Keys of objects: what the work queue and the indexes hold instead of the objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dpojob_api.constants import LABEL_JOB_NAME, LABEL_MANAGED_BY, MANAGED_BY

Key = tuple[str, str]
"""Namespace and name of an object."""


def key_of(raw: Mapping[str, Any]) -> Key:
    """Returns the key of an object; the namespace is empty where its kind has none."""
    metadata = raw["metadata"]
    return metadata.get("namespace", ""), metadata["name"]


def owning_dpojob(raw: Mapping[str, Any]) -> Key | None:
    """Returns the key of the DPOJob that a Job or Pod was created for; None for other objects.

    The DPOJob's name is read from a label, which it fits: the CRD limits it to 63 characters.
    """
    metadata = raw["metadata"]
    labels = metadata.get("labels") or {}
    name = labels.get(LABEL_JOB_NAME)
    if labels.get(LABEL_MANAGED_BY) != MANAGED_BY or not name:
        return None
    return metadata["namespace"], name
