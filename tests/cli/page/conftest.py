"""The page of a real API server: `dpojob ui` with a tenant's kubeconfig, and a browser that opens it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.kit.cli.page_tenant import PageTenant
from tests.kit.cluster.chart_rights import render
from tests.kit.cluster.tenant import delete_pool_rights, write_tenant_kubeconfig
from tests.kit.crds import apply_crds
from tests.kit.repository import ROOT
from tests.kit.ui import chromium, page_server


@pytest.fixture(scope="session")
def tenant(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageTenant]:
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
    made = PageTenant(control_plane, (names[0], names[1]), names[2], path)
    yield made
    control_plane.kubectl("delete", "namespace", *names, "--wait=false", check=False)
    delete_pool_rights(control_plane, names[:2])
    control_plane.kubectl("delete", "-f", "-", "--ignore-not-found", input=roles, check=False)


@pytest.fixture(scope="module")
def address(tenant: PageTenant) -> Iterator[str]:
    """The address that the tenant's `dpojob ui` prints."""
    with page_server(tenant.env) as printed:
        yield printed


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    with chromium() as launched:
        yield launched
