"""DPOJobs that are applied to the chart on the real node, and their conditions."""

from __future__ import annotations

import json
from typing import Any


def apply(installed: Any, namespace: str, manifest: dict[str, Any], name: str, **spec: Any) -> None:
    """Applies the manifest under that name, with these fields of its spec in place of its own."""
    manifest = {**manifest, "metadata": {"name": name}, "spec": {**manifest["spec"], **spec}}
    installed.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(manifest))


def condition(job: dict[str, Any], type_: str) -> dict[str, Any] | None:
    """The job's condition of that type; None where it has none."""
    return next((c for c in job["status"].get("conditions", []) if c["type"] == type_), None)
