"""Starts operator processes quickly: a client of the fork server (server.py)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.kit.repository import ROOT
from tests.kit.waiting import LIMIT


def _future() -> Future[Any]:
    """One that a task of an event loop that waits for it cannot cancel."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


class ForkedProcess:
    """A process that the fork server started; like a `subprocess.Popen` as far as tests need it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.exit_status: Future[int] = _future()
        """Set when the process has ended; negative: the signal that ended it."""

    def poll(self) -> int | None:
        """The exit status; None while the process runs."""
        return self.exit_status.result() if self.exit_status.done() else None

    def wait(self, timeout: float) -> int:
        """Waits for the end of the process and returns its exit status."""
        return self.exit_status.result(timeout)

    def send_signal(self, number: int) -> None:
        """Signals the process, if it runs."""
        if not self.exit_status.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


class ForkServer:
    """Forks processes that run one module's `main()`. Use as a context manager.

    Every method may be called from any thread. Code on an event loop awaits `asyncio.wrap_future` of
    `request` and of a process's `exit_status`.
    """

    def __init__(self, module: str) -> None:
        self._module = module
        self._lock = threading.Lock()
        self._starting: deque[Future[ForkedProcess]] = deque()
        self._running: dict[int, ForkedProcess] = {}

    def __enter__(self) -> ForkServer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.fork_server.server", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError(f"{self._module} cannot be imported")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exc: object) -> None:
        for process in list(self._running.values()):
            process.send_signal(signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(LIMIT)
        self._reader.join(LIMIT)

    def request(self, environment: Mapping[str, str], log: Path) -> Future[ForkedProcess]:
        """Asks for a process with that environment, whose output goes to `log`."""
        log.touch()
        request = {"env": dict(environment), "log": str(log)}
        process: Future[ForkedProcess] = _future()
        assert self._process.stdin is not None
        with self._lock:  # the server answers in the order of the requests
            self._starting.append(process)
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        return process

    def start(self, environment: Mapping[str, str], log: Path) -> ForkedProcess:
        """Starts a process with that environment, whose output goes to `log`."""
        return self.request(environment, log).result(LIMIT)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            if "started" in event:
                process = self._running[event["started"]] = ForkedProcess(event["started"])
                self._starting.popleft().set_result(process)
            elif (ended := self._running.pop(event["exited"], None)) is not None:
                ended.exit_status.set_result(event["status"])
