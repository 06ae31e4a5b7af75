"""What all runs share: the control plane with our CRDs, the watches, the fork server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import yaml
from tests.faults.invariants.history import ClusterWatcher
from tests.kit.api.client import AsyncApi
from tests.kit.api.older_crd import older_crd
from tests.kit.api.paths import API
from tests.kit.fork_server.client import ForkServer
from tests.kit.repository import ROOT

from devcluster.control_plane import ApiError

from . import nodes
from .fixture import CONVERGE_SECONDS, SharedEnvironment

PREFIX = "dpojob-faults-"
OPERATOR = "tests.kit.cluster.clock_override"
NAIVE = "tests.faults.negative_controls.naive_operator"
TRUSTING = "tests.faults.negative_controls.trusting_operator"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


async def _install(api: AsyncApi) -> None:
    for path in sorted((ROOT / "crds").glob("*.yaml")):
        for crd in yaml.safe_load_all(path.read_text()):
            with contextlib.suppress(ApiError):
                await api.call("POST", CRDS, crd)
    for collection in ("dpojobs", "gpupools", "costquotas"):
        while True:
            try:
                await api.call("GET", f"{API}/{collection}")
                break
            except ApiError:
                await asyncio.sleep(0.2)


def _sweep() -> None:
    """Removes what killed processes could not remove themselves."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        owner = left.name.removeprefix(PREFIX).partition("-")[0]
        if not (owner.isdigit() and Path(f"/proc/{owner}").exists()):
            shutil.rmtree(left, ignore_errors=True)


@contextlib.asynccontextmanager
async def shared_environment(
    kubeconfig: Path,
    module: str = OPERATOR,
    keep: Path | None = None,
    time_limit: float = CONVERGE_SECONDS,
) -> AsyncIterator[SharedEnvironment]:
    """Everything but the runs themselves.

    `keep`: where the operators' logs stay. `time_limit`: seconds for which nothing may change in a
    run that waits for something.
    """
    # The proxy keeps its own record; aiohttp would print every connection that a crash cuts.
    logging.getLogger("aiohttp.server").disabled = True
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as temporary:
        directory = keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        with ForkServer(module) as fork_server:
            async with AsyncApi(kubeconfig) as api:
                await _install(api)
                async with older_crd(api):
                    watcher = ClusterWatcher(api)
                    watcher.start()
                    await nodes.add(api)
                    heartbeat = asyncio.create_task(nodes.send_heartbeats(api))
                    try:
                        yield SharedEnvironment(
                            api,
                            watcher,
                            fork_server,
                            directory,
                            time_limit,
                            resyncs=module != NAIVE,
                        )
                        watcher.check()
                    finally:
                        heartbeat.cancel()
                        watcher.stop()
                        await nodes.delete(api)
