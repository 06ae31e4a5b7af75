"""The process ends when a part of Kopf does, even if Kopf's own shutdown hangs."""

from __future__ import annotations

import subprocess
import sys

from tests.kit.waiting import LIMIT

PROGRAM = """
import asyncio, kopf
import dpojob_operator.main as operator

operator.MAX_KOPF_SHUTDOWN_SECONDS = 0.2

async def hangs():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            pass

async def fails():
    raise RuntimeError("a watch failed")

async def spawn_tasks(**_):
    return [asyncio.create_task(hangs()), asyncio.create_task(fails())]

kopf.spawn_tasks = spawn_tasks
asyncio.run(operator._watch(None, (), asyncio.Event()))
"""
"""Kopf's tasks: one fails, and another one does not end when it is cancelled."""


def test_a_failed_watch_ends_the_process_although_the_shutdown_of_kopf_hangs() -> None:
    assert subprocess.run([sys.executable, "-c", PROGRAM], timeout=LIMIT).returncode == 1


SIGNALLED = """
import asyncio, threading
import dpojob_operator.main as operator

operator.MAX_SHUTDOWN_SECONDS = 0
operator._stop(asyncio.Event())
threading.Event().wait()
"""
"""A shutdown that hangs after a signal."""


def test_a_signal_ends_the_process_with_status_0_although_its_shutdown_hangs() -> None:
    assert subprocess.run([sys.executable, "-c", SIGNALLED], timeout=LIMIT).returncode == 0
