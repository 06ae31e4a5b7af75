"""The bounds of a clean end, and that Events need no Lease."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from tests.kit.repository import ROOT
from tests.kit.waiting import LIMIT

from dpojob_operator import main
from dpojob_operator.kube import FLUSH_SECONDS, ApiClient, LeaseLost
from dpojob_operator.kube.resources import EVENTS, JOBS
from dpojob_operator.process import Settings

CHART = ROOT / "charts/dpojob/templates/deployment.yaml"


def test_the_bounds_of_a_clean_end_lie_within_each_other() -> None:
    (grace,) = re.findall(r"^ +terminationGracePeriodSeconds: (\d+)$", CHART.read_text(), re.M)
    request = Settings.model_fields["request_seconds"].default
    assert request + 4 <= FLUSH_SECONDS
    assert FLUSH_SECONDS + 4 <= main.MAX_SHUTDOWN_SECONDS
    assert float(grace) >= main.MAX_SHUTDOWN_SECONDS + 4
    assert main.MAX_KOPF_SHUTDOWN_SECONDS < main.MAX_SHUTDOWN_SECONDS


async def test_an_event_is_created_without_the_lease_and_nothing_else_is_written() -> None:
    class Requested(Exception):
        pass

    class Connection:
        async def request(self, *_: Any) -> None:
            raise Requested

    def guard() -> None:
        raise LeaseLost

    client, connection = ApiClient(), Connection()
    client._connection = connection  # type: ignore[assignment]
    client.guard = guard
    body = {"metadata": {"name": "x", "namespace": "ns"}}
    with pytest.raises(Requested):
        await client.create(EVENTS, body)
    with pytest.raises(LeaseLost):
        await client.create(JOBS, body)


HANGING = """
import asyncio, os, signal
from contextlib import nullcontext
from types import SimpleNamespace
import dpojob_operator.main as operator
from dpojob_operator.process import ServerClock
from dpojob_operator.process.settings import load

operator.MAX_SHUTDOWN_SECONDS = 3600.0
operator.MAX_KOPF_SHUTDOWN_SECONDS = 0.2

async def hangs(*_):
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

operator.run_as_leader = hangs
operator.ApiClient = lambda _: nullcontext(SimpleNamespace(server_clock=ServerClock()))
names = {"INSPECT_IMAGE": "i", "TRAIN_IMAGE": "t", "HTTP_PORT": "0"}
settings = load({f"DPOJOB_OPERATOR_{name}": value for name, value in names.items()})
asyncio.run(operator.run(settings, None))
"""
"""A process that gets SIGTERM while it leads, whose Kopf does not end when it is cancelled."""


def test_once_no_event_is_left_the_process_waits_only_briefly_for_kopf() -> None:
    assert subprocess.run([sys.executable, "-c", HANGING], timeout=LIMIT).returncode == 0
