"""The clusters on which the output of docs/cli.md is recorded, with a tenant's rights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import demo
import images
from cluster_tools import Kubectl
from tests.kit.cluster.documented_job import NAMESPACE, documented_job
from tests.kit.cluster.tenant import tenant_variables, write_tenant_kubeconfig
from tests.kit.tiny_models import make_pairs, write_jsonl

from devcluster.cluster import Cluster, this_process
from devcluster.state import CONTROL_PLANE, FULL

PAIRS = 480
"""Pairs of the job that a node trains."""


@contextmanager
def control_plane(directory: Path) -> Iterator[dict[str, str]]:
    """Runs a control plane with the job of tests/kit/cluster/documented_job.py; no node runs it.

    Args:
        directory: Where the tenant's kubeconfig is written.

    Yields:
        Variables of a process with the tenant's rights.
    """
    cluster = Cluster(f"cli-docs-{os.getpid()}")
    try:
        cluster.up(CONTROL_PLANE, 0, owner=this_process())
        with documented_job(cluster, directory) as environment:
            yield environment
    finally:
        cluster.down(images=True)


@contextmanager
def node(directory: Path) -> Iterator[dict[str, str]]:
    """Runs the demo's cluster, whose node trains, with the inputs of examples/quickstart.yaml.

    Args:
        directory: Where the tenant's kubeconfig is written.

    Yields:
        Variables of a process with the tenant's rights.
    """
    cluster = Cluster("dpojob")
    try:
        cluster.up(FULL, 1)
        kubectl = Kubectl()
        built = images.ensure()
        demo.install()
        demo.add_fake_gpu(kubectl)
        data = _few_pairs(directory / "inputs")
        demo.put_inputs(kubectl, NAMESPACE, built["inspect"].reference, data)
        path = directory / "tenant.kubeconfig"
        write_tenant_kubeconfig(cluster, [NAMESPACE], path)
        yield tenant_variables(cluster, path)
    finally:
        cluster.down()


def _few_pairs(directory: Path) -> Path:
    """The demo's model, and fewer pairs than the demo's, so that the training takes a minute."""
    shutil.copytree(demo.demo_data() / "model", directory / "model")
    write_jsonl(directory / "data/train.jsonl", make_pairs(PAIRS, 0))
    return directory
