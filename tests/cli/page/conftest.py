"""The page of a real API server: `dpojob ui` with a tenant's kubeconfig, and a browser that opens it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.kit.cluster.chart_rights import ROOT, render
from tests.kit.cluster.tenant import (
    delete_pool_rights,
    tenant_variables,
    write_tenant_kubeconfig,
)
from tests.kit.crds import apply_crds
from tests.kit.ui import chromium, page_server


@dataclass
class Tenant:
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


@pytest.fixture(scope="session")
def tenant(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """Two namespaces of the tenant, and one of another tenant."""
    apply_crds(control_plane, ROOT / "crds")
    roles = render(control_plane, "dpojob", "default", "user-roles")
    control_plane.kubectl("apply", "-f", "-", input=roles)
    suffix = uuid.uuid4().hex[:6]
    names = [f"page-{which}-{suffix}" for which in ("a", "b", "other")]
    for name in names:
        control_plane.kubectl("create", "namespace", name)
    path = tmp_path_factory.mktemp("tenant") / "kubeconfig"
    write_tenant_kubeconfig(control_plane, names[:2], path)
    made = Tenant(control_plane, (names[0], names[1]), names[2], path)
    yield made
    control_plane.kubectl("delete", "namespace", *names, "--wait=false", check=False)
    delete_pool_rights(control_plane, names[:2])
    control_plane.kubectl("delete", "-f", "-", "--ignore-not-found", input=roles, check=False)


@pytest.fixture(scope="module")
def address(tenant: Tenant) -> Iterator[str]:
    """The address that the tenant's `dpojob ui` prints."""
    with page_server(tenant.env) as printed:
        yield printed


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with chromium() as launched:
        yield launched
