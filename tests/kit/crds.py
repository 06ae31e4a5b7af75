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
        wait_until(partial(_served, control_plane, name), f"{name} is served")


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


def _served(control_plane: Any, name: str) -> bool:
    """Whether the CRD is established, and its resource is among those by which kubectl finds kinds.

    The API server lists them a moment after it has set the condition; until then kubectl knows no such kind.
    """
    crd = json.loads(control_plane.kubectl("get", name, "-o", "json").stdout)
    conditions = crd.get("status", {}).get("conditions") or []
    if not any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
        return False
    group, resource = crd["spec"]["group"], crd["metadata"]["name"]
    listed = control_plane.kubectl(
        "api-resources", f"--api-group={group}", "-o", "name", check=False
    )
    return resource in str(listed.stdout).split()
