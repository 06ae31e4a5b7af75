"""A user of the page who has rights in two namespaces of a control plane."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.cluster.tenant import tenant_variables


@dataclass
class PageTenant:
    """A user who has `edit` in two namespaces; what the operator would do is done for them.

    Attributes:
        foreign: A namespace in which the user has no rights.
    """

    plane: Any
    namespaces: tuple[str, str]
    foreign: str
    kubeconfig: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment of the tenant's commands."""
        return {**os.environ, **tenant_variables(self.plane, self.kubeconfig)}

    def create(self, job: dict[str, Any]) -> None:
        """Creates a job, then writes its status."""
        metadata = {name: job["metadata"][name] for name in ("name", "namespace")}
        self.plane.kubectl("create", "-f", "-", input=json.dumps(job | {"metadata": metadata}))
        self.report(metadata["namespace"], metadata["name"], **job.get("status", {}))

    def report(self, namespace: str, name: str, **status: Any) -> None:
        """Writes fields of a status, with the operator's rights."""
        patch = json.dumps({"status": status})
        options = ("--subresource=status", "--type=merge", "-p", patch)
        self.plane.kubectl("-n", namespace, "patch", "dpojob", name, *options)
