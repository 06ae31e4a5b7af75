"""Fixtures: a namespace with a pool, and the operator as a real process for it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cluster import chart_rights, clock_override
from tests.kit.cluster.chart_rights import Account
from tests.kit.cluster.clock_override import Clock
from tests.kit.crds import apply_crds
from tests.kit.fork_server.client import ForkServer
from tests.kit.operator_fixture import JobNamespace, Process, pool
from tests.kit.repository import ROOT


@pytest.fixture(scope="session")
def served(control_plane: Any) -> Any:
    """The control plane with our CRDs."""
    apply_crds(control_plane, ROOT / "crds")
    return control_plane


@pytest.fixture(scope="session")
def account(served: Any, tmp_path_factory: pytest.TempPathFactory) -> Account:
    """The service account of the chart, for all namespaces: tests' operators run with its rights."""
    namespace = "dpojob-system"
    served.kubectl("create", "namespace", namespace, check=False)
    kubeconfig = tmp_path_factory.mktemp("account") / "kubeconfig"
    return chart_rights.install(served, "dpojob", namespace, kubeconfig)


@pytest.fixture
def own_account(job_namespace: JobNamespace, tmp_path: Path) -> Iterator[Account]:
    """The service account of a chart that is installed for the test's namespace only."""
    cluster, namespace = job_namespace.cluster, job_namespace.namespace
    # Cluster-scoped names must not meet those of other tests.
    name, kubeconfig = f"op-{namespace}", tmp_path / "kubeconfig"
    yield chart_rights.install(cluster, name, namespace, kubeconfig, namespaces=f"{{{namespace}}}")
    for kind in ("clusterrole", "clusterrolebinding"):
        cluster.kubectl("delete", kind, name, "--ignore-not-found", check=False)


@pytest.fixture
def job_namespace(served: Any, namespace: str) -> Iterator[JobNamespace]:
    """A namespace that the restricted Pod Security Standard rules, one fake node with two GPUs and
    one pool, both for this test alone."""
    from devcluster.control_plane.kwok import node

    labels = {"test": namespace}
    standard = "pod-security.kubernetes.io/enforce"
    strict = {standard: "restricted", f"{standard}-version": "latest"}
    items = [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace, "labels": strict},
        },
        node(f"node-{namespace}", 2, "nvidia.com/gpu", labels),
    ]
    assert not (left := _pools_open_to_all(served)), f"a test before this one left the pools {left}"
    served.add_kwok_node(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    job_namespace = JobNamespace(served, namespace)
    job_namespace.apply(pool(namespace, namespace))
    yield job_namespace
    served.kubectl(
        "delete", "gpupools,nodes", "-l", f"test={namespace}", "--wait=false", check=False
    )


def _pools_open_to_all(served: Any) -> list[str]:
    """Pools on which a job of any namespace may be planned, in place of the pool of its test."""
    found = json.loads(served.kubectl("get", "gpupools", "-o", "json").stdout)["items"]
    return [each["metadata"]["name"] for each in found if "namespaceSelector" not in each["spec"]]


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """What operators are forked from."""
    with ForkServer(clock_override.__name__) as made:
        yield made


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """The operator's, which a test may put forward."""
    return Clock(tmp_path / "clock")


@pytest.fixture
def settings() -> dict[str, str]:
    """The operator's, where a test has others."""
    return {}


@pytest.fixture
def operator(
    job_namespace: JobNamespace,
    account: Account,
    tmp_path: Path,
    fork_server: ForkServer,
    clock: Clock,
    settings: dict[str, str],
) -> Iterator[Process]:
    """Running with the chart's rights; stopped at the end, its log shown when the test failed."""
    kubeconfig, log = str(account.kubeconfig), tmp_path / "operator.log"
    process = Process(kubeconfig, job_namespace.namespace, log, fork_server, clock, **settings)
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.stop(signal.SIGKILL)
    print(process.log.read_text()[-8000:])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What reads the audit log of the whole session runs last in it."""
    items.sort(key=lambda item: item.get_closest_marker("last_of_session") is not None)
