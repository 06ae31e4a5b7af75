"""Operators that start in no time: forked from one process that has imported everything."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Queue

from tests.kit import clock_override

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60.0
"""Seconds until something that never comes counts as a failure; nothing is asserted about speed."""


class Forked:
    """One of them; like a `subprocess.Popen` as far as tests need it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._status: int | None = None
        self._ended = threading.Event()

    def end(self, status: int) -> None:
        """It has ended."""
        self._status = status
        self._ended.set()

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._status

    def wait(self, timeout: float) -> int:
        """Its exit status, once it has ended."""
        assert self._ended.wait(timeout), "the operator does not end"
        assert self._status is not None
        return self._status

    def send_signal(self, number: int) -> None:
        """To the process, if it runs."""
        if self._status is None:
            os.kill(self.pid, number)


class Zygote:
    """Use as a context manager."""

    def __enter__(self) -> Zygote:
        self._running: dict[int, Forked] = {}
        self._started: Queue[Forked] = Queue()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.fork_server.server", clock_override.__name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the operator cannot be imported"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exc: object) -> None:
        for forked in list(self._running.values()):
            forked.send_signal(signal.SIGKILL)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)

    def start(self, environment: Mapping[str, str], log: Path) -> Forked:
        """An operator with that environment; its log is there from the first moment."""
        log.touch()
        wish = {"env": dict(environment), "log": str(log)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(wish).encode() + b"\n")
        self._process.stdin.flush()
        return self._started.get(timeout=PATIENCE)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            word = json.loads(line)
            if "started" in word:
                forked = self._running[word["started"]] = Forked(word["started"])
                self._started.put(forked)
            elif (ended := self._running.pop(word["exited"], None)) is not None:
                ended.end(word["status"])
