"""What the page's server reads of a real API server, with the rights of a tenant and of an administrator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.kit.cli.page_jobs import job
from tests.kit.cli.page_tenant import PageTenant
from tests.kit.waiting import LIMIT

from dpojob.cluster.api import Api
from dpojob.cluster.kubeconfig import load_access
from dpojob.page.cluster_feed import ClusterFeed
from dpojob.page.job_store import JobStore

pytestmark = pytest.mark.cluster


@pytest.fixture
def rights(tenant: PageTenant, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Chooses the kubeconfig of this process."""

    def choose(kubeconfig: Path) -> None:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))

    return choose


@asynccontextmanager
async def feeding(*namespaces: str) -> AsyncIterator[tuple[ClusterFeed, JobStore]]:
    store = JobStore()
    async with Api(load_access) as api:
        feed = ClusterFeed(api, None, namespaces, store)
        task = asyncio.create_task(feed.run())
        try:
            yield feed, store
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(store: JobStore, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LIMIT):
        while True:
            changed = store.next_change()
            if condition():
                return
            await changed.wait()


async def test_an_administrator_sees_all_namespaces_as_jobs_come_and_go(
    tenant: PageTenant, rights: Callable[[Path], None]
) -> None:
    rights(Path(tenant.plane.kubeconfig))
    tenant.create(job("before", tenant.foreign, phase="Pending"))
    async with feeding() as (feed, store):
        await until(store, lambda: (tenant.foreign, "before") in store.jobs)
        assert feed.scope is None
        tenant.create(job("later", tenant.namespaces[0], phase="Pending"))
        await until(store, lambda: (tenant.namespaces[0], "later") in store.jobs)
        for namespace, name in ((tenant.foreign, "before"), (tenant.namespaces[0], "later")):
            tenant.plane.kubectl("-n", namespace, "delete", "dpojob", name)
            await until(store, lambda key=(namespace, name): key not in store.jobs)  # type: ignore[misc]
        assert store.problems == {}


async def test_a_tenant_sees_no_other_namespace_and_is_told_so(
    tenant: PageTenant, rights: Callable[[Path], None]
) -> None:
    rights(tenant.kubeconfig)
    tenant.create(job("secret", tenant.foreign, phase="Pending"))
    tenant.create(job("own", tenant.namespaces[1], phase="Pending"))
    async with feeding(tenant.namespaces[1], tenant.foreign) as (_, store):
        await until(
            store, lambda: (tenant.namespaces[1], "own") in store.jobs and len(store.problems) == 2
        )
        assert all("(Forbidden)" in problem for problem in store.problems.values())
        assert not [name for namespace, name in store.jobs if namespace == tenant.foreign]
    tenant.plane.kubectl("-n", tenant.namespaces[1], "delete", "dpojob", "own")
