"""CustomResourceDefinitions in a test's API server."""

from __future__ import annotations

import copy
import json
from functools import partial
from pathlib import Path
from typing import Any

from tests.kit.waiting import wait_until


def apply_crds(control_plane: Any, manifests: Path | str) -> None:
    """Apply CRDs, and wait until the API server serves their resources.

    `kubectl wait` cannot be used here: it ends with an error, without waiting, where a CRD that was
    just created has no status yet.

    Args:
        control_plane: A devcluster or a pytest fixture with its `kubectl`.
        manifests: A file or a directory; or the manifests themselves, as text.
    """
    source = ["-f", str(manifests)] if isinstance(manifests, Path) else ["-f", "-"]
    text = None if isinstance(manifests, Path) else manifests
    applied = control_plane.kubectl(
        "apply", "--server-side", "--force-conflicts", "-o", "name", *source, input=text
    )
    assert applied.returncode == 0, applied.stderr
    for name in applied.stdout.split():
        wait_until(partial(_established, control_plane, name), f"{name} is established")


def with_any_arguments(crd: dict[str, Any]) -> dict[str, Any]:
    """The CRD of DPOJobs as of a version that did not describe `training.arguments`, and admitted any."""
    older = copy.deepcopy(crd)
    (version,) = older["spec"]["versions"]
    training = version["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["training"]
    training["properties"]["arguments"] = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    return older


def _established(control_plane: Any, name: str) -> bool:
    crd = json.loads(control_plane.kubectl("get", name, "-o", "json").stdout)
    conditions = crd.get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
