"""The tenant of a control plane, and a job in its namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.kit.cli.tenant_job import MANIFEST, Tenant, TenantJob, make_tenant
from tests.kit.crds import apply_crds
from tests.kit.repository import ROOT


@pytest.fixture(scope="session")
def tenant(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Tenant:
    apply_crds(control_plane, ROOT / "crds")
    return make_tenant(control_plane, tmp_path_factory.mktemp("tenant"))


@pytest.fixture
def cluster_job(tenant: Tenant) -> Iterator[TenantJob]:
    used = TenantJob(tenant)
    used.kubectl("create", "-f", "-", input=MANIFEST)
    yield used
    used.kubectl("delete", "dpojob", "helpful", "--ignore-not-found")
