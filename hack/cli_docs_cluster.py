"""The cluster on which the output of docs/cli.md is recorded, with a tenant's rights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.cluster.documented_job import documented_job

from devcluster.cluster import Cluster, this_process
from devcluster.state import CONTROL_PLANE


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
