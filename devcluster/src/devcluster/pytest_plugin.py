"""The clusters as pytest fixtures, by the same code as the command line.

`control_plane` is made for this session, with fake nodes, and ends with it (DPOJOB_KEEP=1
keeps one for the next session, which saves its start; it is called `pytest`, or as DPOJOB_KEPT_CLUSTER
says, since two sessions at a time cannot share one). `cluster` has real nodes,
is shared with the demo, and stays. Both have `.name`, `.kubeconfig`, `.kubectl(...)`, `.bin(name)`.
"""

import os
import uuid
from collections.abc import Iterator

import pytest

from devcluster.cluster import Cluster, sweep, this_process
from devcluster.kind_backend import AnyCluster, choose
from devcluster.state import CONTROL_PLANE, FULL


@pytest.fixture(scope="session")
def control_plane() -> Iterator[Cluster]:
    """An API server with controllers, scheduler and kwok; no nodes until a test makes some."""
    sweep()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if os.environ.get("DPOJOB_KEEP") == "1":
        kept = Cluster(f"{os.environ.get('DPOJOB_KEPT_CLUSTER', 'pytest')}{worker}")
        kept.up(CONTROL_PLANE, 0)
        yield kept
        return
    created = Cluster(f"test-{os.getpid()}{worker}")
    try:
        created.up(CONTROL_PLANE, 0, owner=this_process())
        yield created
    finally:
        created.down(images=True)


@pytest.fixture(scope="session")
def cluster() -> AnyCluster:
    """A cluster with a real node: native, kind, or the context that CONTEXT names."""
    name = os.environ.get("DEVCLUSTER_NAME", "dpojob")
    chosen = choose(name, os.environ.get("CONTEXT"), start=True)
    chosen.up(FULL, 1)
    return chosen


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh namespace of the cluster that the test uses; deleted afterwards, without waiting."""
    real = "cluster" in request.fixturenames
    used: AnyCluster = request.getfixturevalue("cluster" if real else "control_plane")
    name = f"test-{uuid.uuid4().hex[:8]}"
    used.kubectl("create", "namespace", name)
    yield name
    used.kubectl("delete", "namespace", name, "--wait=false", check=False)
