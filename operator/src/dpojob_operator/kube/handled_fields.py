"""The fields of objects that are read from lists and watches; a reconciliation reads whole objects.

Users fill DPOJobs with up to 1.5 MiB, and many are listed at once, so all else is dropped.
"""

from __future__ import annotations

from typing import Any

from dpojob_api.constants import LABEL_JOB_NAME, LABEL_MANAGED_BY

HANDLED_FIELDS: dict[str, Any] = {
    "apiVersion": True,
    "kind": True,
    "metadata": {
        "name": True,
        "namespace": True,
        "uid": True,
        "resourceVersion": True,
        "generation": True,
        "creationTimestamp": True,
        "deletionTimestamp": True,
        "labels": {LABEL_JOB_NAME: True, LABEL_MANAGED_BY: True},
    },
    "spec": {
        "suspend": True,
        "ttlSecondsAfterFinished": True,
        "validateOnly": True,
        "model": {"fromJob": True},
        "output": {"volume": True},
    },
    "status": {
        "artifacts": {"claimName": True},
        "attempts": True,
        "conditions": True,
        "dataset": True,
        "dependency": True,
        "inspection": {"key": True, "name": True},
        "observedGeneration": True,
        "phase": True,
    },
}
"""The fields that Kopf, the event handlers and the resync read; True: with all that the field holds."""


def select_fields(value: Any, fields: dict[str, Any]) -> Any:
    """Returns the named fields of a mapping, and of the mappings in it."""
    if not isinstance(value, dict):
        return value
    return {
        name: found if fields[name] is True else select_fields(found, fields[name])
        for name, found in value.items()
        if name in fields
    }
