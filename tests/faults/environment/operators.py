"""The operator's processes: started, killed, frozen, and started again when they end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.kit.fork_server.client import ForkServer

MAX_STARTS = 12
"""Starts of one operator in one run; more is a crash loop."""


class Operator:
    """One replica, which is started again whenever its process ends, as the kubelet would do it."""

    def __init__(self, fork_server: ForkServer, log: Path) -> None:
        self._fork_server, self.log = fork_server, log
        self._environment: Mapping[str, str] = {}
        self._prepare: Callable[[int], object] = lambda number: None
        self.pid: int | None = None
        self.process_number = 0
        """Number of the process that runs, from 1."""
        self.exits: list[int] = []
        """Exit statuses of the processes before it; negative: the signal."""
        self._keeper: asyncio.Task[None] | None = None
        self._end: Any = None
        self.stays_down = False
        """True: not started again."""

    async def start(self, environment: Mapping[str, str], prepare: Callable[[int], object]) -> None:
        """The first process, and its keeper; `prepare` is called with the number of each process before it starts."""
        self._environment, self._prepare = environment, prepare
        await self._start()
        self._keeper = asyncio.create_task(self._keep())

    async def _start(self) -> None:
        self.process_number += 1
        self._prepare(self.process_number)
        request = self._fork_server.request(self._environment, self.log)
        process = await asyncio.wrap_future(request)
        self.pid, self._end = process.pid, asyncio.wrap_future(process.exit_status)

    async def _keep(self) -> None:
        while self.process_number < MAX_STARTS:
            status = await self._end
            self.pid = None
            self.exits.append(status)
            if self.stays_down:
                return
            await asyncio.sleep(0.1)
            await self._start()

    @property
    def gave_up(self) -> bool:
        """Whether it ended so often that it is not started any more."""
        return self.pid is None and self.process_number >= MAX_STARTS

    def signal(self, number: int) -> None:
        """Sends a signal to the process, if it runs."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, as a crash: it takes effect before this returns to the event loop."""
        self.signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Kills the process for good."""
        self.stays_down = True
        self.kill()
        if self._keeper is not None:
            if self.pid is not None:
                await asyncio.wait([self._end], timeout=10)
            self._keeper.cancel()

    async def end(self, seconds: float) -> int | None:
        """Exit status after a SIGTERM; None when it does not end in time."""
        self.stays_down = True
        if self.pid is None:
            return None
        end = self._end
        self.signal(signal.SIGTERM)
        done, _ = await asyncio.wait([end], timeout=seconds)
        return int(end.result()) if done else None
