"""Objects that a tenant may store under an older CRD, beside an ordinary job of another namespace."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.api import older_crd
from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import DPOJOBS
from tests.kit.cluster.chart_rights import Account
from tests.kit.operator.process_probes import address, ask
from tests.kit.operator_fixture import LIMIT, JobNamespace, Process, dpojob

from dpojob_api.base import JSONObject

pytestmark = pytest.mark.cluster
FAT_JOBS, FAT_BYTES = 200, 1_300_000
MAX_MIB = 512
"""The memory that is allowed of the chart's limit of 1 GiB; 200 such jobs once took more than all of it."""
GONE_SECONDS = 5 * LIMIT
"""The limit for the deletion of all of them, by a namespace controller that waits between its attempts."""
DEEP = '{"a":' * 3000 + "1" + "}" * 3000


@pytest.fixture
def tenant(job_namespace: JobNamespace) -> Iterator[str]:
    """A namespace beside the ordinary job's, and a CRD that does not describe the arguments."""
    name = f"{job_namespace.namespace}-tenant"
    kubeconfig = job_namespace.cluster.kubeconfig
    job_namespace.kubectl("create", "namespace", name)
    present = asyncio.run(replace_crd(kubeconfig))
    yield name
    job_namespace.kubectl("delete", "namespace", name, "--wait=false")
    asyncio.run(restore_crd(kubeconfig, name, present))


async def replace_crd(kubeconfig: Path) -> JSONObject:
    async with AsyncApi(kubeconfig) as api:
        return await older_crd.replace_by_older_crd(api)


async def restore_crd(kubeconfig: Path, tenant: str, present: JSONObject) -> None:
    """Serves the present CRD when the tenant's objects are gone.

    With a new CRD the API server reads all stored objects again, and refuses requests for DPOJobs until it has.
    """
    async with AsyncApi(kubeconfig) as api, asyncio.timeout(GONE_SECONDS):
        while await api.get(f"/api/v1/namespaces/{tenant}") is not None:
            await asyncio.sleep(0.2)
        await older_crd.serve_crd(api, present, admits=False)


@pytest.fixture
def both(
    job_namespace: JobNamespace, account: Account, tenant: str, tmp_path: Path, fork_server: Any
) -> Iterator[Process]:
    """An operator of both namespaces, not started."""
    process = Process(
        str(account.kubeconfig),
        f"{job_namespace.namespace},{tenant}",
        tmp_path / "operator.log",
        fork_server,
        RESYNC_SECONDS="5",
    )
    yield process
    if process.process is not None and process.process.poll() is None:
        process.stop()
    print(process.log.read_text()[-8000:])


def job(name: str, arguments: Any) -> dict[str, Any]:
    spec = {"suspend": True, "training": {"arguments": {"a": arguments}}}
    return dpojob(name, **spec)


def store_deep(job_namespace: JobNamespace, tenant: str) -> None:
    """Creates a job with arguments 3000 levels deep."""
    text = json.dumps(job("deep", "DEEP")).replace('"DEEP"', DEEP)
    job_namespace.kubectl("-n", tenant, "create", "-f", "-", input=text)


def reason(job_namespace: JobNamespace, tenant: str, name: str) -> str:
    path = 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}'
    return job_namespace.kubectl("-n", tenant, "get", "dpojob", name, "-o", path)


def complete_an_ordinary_job(job_namespace: JobNamespace, operator: Process) -> None:
    job_namespace.job("ordinary")
    job_namespace.inspected("ordinary")
    job_namespace.trained("ordinary")
    job_namespace.until_condition("ordinary", "Complete", "Completed")
    assert operator.process is not None and operator.process.poll() is None
    base = address(job_namespace, operator)
    assert [ask(base + path)[0] for path in ("/healthz", "/metrics")] == [200, 200]


@pytest.mark.parametrize("stored_first", [True, False], ids=["listed", "watched"])
def test_a_deep_job_is_invalid_by_itself_and_another_namespaces_job_completes(
    job_namespace: JobNamespace, tenant: str, both: Process, stored_first: bool
) -> None:
    if stored_first:
        store_deep(job_namespace, tenant)
    both.start()
    if not stored_first:
        job_namespace.job("before")
        job_namespace.pod("before", "inspect")  # the watches run
        store_deep(job_namespace, tenant)
    complete_an_ordinary_job(job_namespace, both)
    job_namespace.until(
        "the deep job is reported", lambda: reason(job_namespace, tenant, "deep") == "InvalidSpec"
    )
    assert "RecursionError" not in both.log.read_text()


async def store_fat(kubeconfig: str, tenant: str) -> None:
    """Creates suspended jobs."""
    async with AsyncApi(Path(kubeconfig), timeout=LIMIT) as api:
        path, fat = DPOJOBS.format(tenant), "x" * FAT_BYTES
        numbers = iter(range(FAT_JOBS))

        async def create_in_turn() -> None:
            for number in numbers:
                await api.call("POST", path, job(f"fat-{number}", fat))

        await asyncio.gather(*(create_in_turn() for _ in range(4)))


def test_200_fat_jobs_leave_half_of_the_memory_limit(
    job_namespace: JobNamespace, tenant: str, both: Process
) -> None:
    """Stored before the operator starts, which lists and reports them all."""
    asyncio.run(store_fat(str(job_namespace.cluster.kubeconfig), tenant))
    both.environment["DPOJOB_OPERATOR_RESYNC_SECONDS"] = "60"  # each lists all the bytes again
    both.start()
    names = [f"fat-{number}" for number in range(FAT_JOBS)]
    job_namespace.until(
        "every fat job is reported",
        lambda: all(
            reason(job_namespace, tenant, name) == "InvalidSpec" for name in (names[0], names[-1])
        ),
    )
    complete_an_ordinary_job(job_namespace, both)
    assert both.process is not None
    status = Path(f"/proc/{both.process.pid}/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    print(f"{FAT_JOBS} jobs of {FAT_BYTES} bytes: at most {peak} MiB of resident memory")
    assert peak <= MAX_MIB
