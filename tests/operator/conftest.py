"""Fixtures: a namespace with a pool, and the operator as a real process for it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.operator.world import ROOT, Process, World, pool


@pytest.fixture(scope="session")
def served(control_plane: Any) -> Any:
    """The control plane with our CRDs."""
    control_plane.kubectl("apply", "-f", str(ROOT / "crds"))
    control_plane.kubectl(
        "wait", "--for=condition=Established", "--timeout=60s",
        "crd/dpojobs.dpojob.dev", "crd/gpupools.dpojob.dev",
    )  # fmt: skip
    return control_plane


@pytest.fixture
def world(served: Any, namespace: str) -> Iterator[World]:
    """A namespace that the restricted Pod Security Standard rules, one fake node with two GPUs and
    one pool, both for this test alone."""
    from devcluster.kwok import node_json

    served.kubectl(
        "label", "namespace", namespace,
        "pod-security.kubernetes.io/enforce=restricted",
        "pod-security.kubernetes.io/enforce-version=latest",
    )  # fmt: skip
    served.add_kwok_node(node_json(f"node-{namespace}", 2, "nvidia.com/gpu", {"test": namespace}))
    world = World(served, namespace)
    world.apply(pool(namespace, namespace))
    yield world
    served.kubectl("delete", "gpupool", "-l", f"test={namespace}", "--wait=false", check=False)
    served.kubectl("delete", "node", f"node-{namespace}", "--wait=false", check=False)


@pytest.fixture
def operator(world: World, tmp_path: Path) -> Iterator[Process]:
    """Running; stopped at the end, its log shown when the test failed."""
    process = Process(str(world.cluster.kubeconfig), world.namespace, tmp_path / "operator.log")
    process.start()
    yield process
    if process.process is not None and process.process.poll() is None:
        process.stop(signal.SIGKILL)
    print(process.log.read_text()[-8000:])
