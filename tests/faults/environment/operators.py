"""The operator's processes: started, killed, frozen, and started again when they end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
MOST_LIVES = 12
"""Starts of one operator in one run; more is a crash loop."""


class Nursery:
    """One zygote: forks operators of one module."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._starting: deque[asyncio.Future[int]] = deque()
        self._ends: dict[int, asyncio.Future[int]] = {}

    async def __aenter__(self) -> Nursery:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.kit.fork_server.server", self._module),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        if not await self._process.stdout.readline():
            raise RuntimeError(f"{self._module} cannot be imported")
        self._reader = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pid in list(self._ends):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        self._reader.cancel()

    async def start(self, environment: Mapping[str, str], log: Path) -> tuple[int, Any]:
        """The process's id, and a future of its exit status."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._starting.append(future)
        assert self._process.stdin is not None
        wish = {"env": dict(environment), "log": str(log)}
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        pid = await future
        return pid, self._ends[pid]

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            word = json.loads(line)
            if "started" in word:
                end: asyncio.Future[int] = asyncio.get_running_loop().create_future()
                self._ends[word["started"]] = end
                self._starting.popleft().set_result(word["started"])
            elif (ended := self._ends.pop(word["exited"], None)) is not None:
                ended.set_result(word["status"])


class Operator:
    """One replica. Plays the kubelet for it: whenever the process ends, it is started again."""

    def __init__(self, nursery: Nursery, log: Path) -> None:
        self._nursery, self.log = nursery, log
        self._environment: Mapping[str, str] = {}
        self.pid: int | None = None
        self.life = 0
        """Number of the process that runs, from 1."""
        self.exits: list[int] = []
        """Exit statuses of the processes before it; negative: the signal."""
        self._keeper: asyncio.Task[None] | None = None
        self._end: Any = None
        self.stays_down = False
        """True: not started again."""

    async def start(self, environment: Mapping[str, str]) -> None:
        """The first process, and its keeper."""
        self._environment = environment
        await self._start()
        self._keeper = asyncio.create_task(self._keep())

    async def _start(self) -> None:
        self.life += 1
        self.pid, self._end = await self._nursery.start(self._environment, self.log)

    async def _keep(self) -> None:
        while self.life < MOST_LIVES:
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
        return self.pid is None and self.life >= MOST_LIVES

    def signal(self, number: int) -> None:
        """To the process, if it runs."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, as a crash: it takes effect before this returns to the event loop."""
        self.signal(signal.SIGKILL)

    async def stop(self) -> None:
        """For good, and at once."""
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
