"""Runs the cells in a worker process; starts another one after a cell that hangs or ends the process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .cells import TOTAL_SECONDS, Cell
from .document import Document

START_SECONDS = 90.0
"""A worker imports torch and TRL before its first cell."""
LOG_CHARACTERS = 800
"""The characters of the worker's log in the error of a cell that ended it."""


class Supervisor:
    """Measures cells until all are recorded or the time is over."""

    def __init__(
        self, document: Document, log: Path, worker: Sequence[str], patience: float = 1.0
    ) -> None:
        """`worker` is the command that measures; `patience` is a factor on every limit of time."""
        self._document = document
        self._log = log
        self._worker = list(worker)
        self._patience = patience
        self._deadline = time.monotonic() + patience * TOTAL_SECONDS

    def run(self, cells: Sequence[Cell]) -> None:
        """Record every cell, with its result or the reason why it has none."""
        pending = list(cells)
        while pending:
            if time.monotonic() >= self._deadline:
                for cell in pending:
                    self._document.record(cell.key, "leftOut", error="the time was over before it")
                return
            pending = self._run_worker(pending)

    def _run_worker(self, cells: Sequence[Cell]) -> list[Cell]:
        """Record cells until one ends the worker; the cells that are left."""
        reading, writing = os.pipe()
        command = [*self._worker, str(writing), *(cell.key for cell in cells)]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                command,
                pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        os.close(writing)
        try:
            left, allowance = list(cells), START_SECONDS  # until the first cell begins
            events = _Events(reading)
            while left:
                cell, begun = left.pop(0), time.monotonic()
                limit = begun + self._patience * (allowance + cell.seconds)
                event = events.next(min(limit, self._deadline))
                allowance = 0.0
                seconds = time.monotonic() - begun
                if event is None:
                    status = None if events.ended else "timedOut"
                    self._record_loss(cell, status, seconds, process)
                    return left
                self._document.record(cell.key, **event)
                print(f"{cell.key:48} {event['status']:9} {seconds:6.1f} s", flush=True)
            return []
        finally:
            _end(process)
            os.close(reading)

    def _record_loss(
        self, cell: Cell, status: str | None, seconds: float, process: subprocess.Popen[bytes]
    ) -> None:
        if status == "timedOut":
            over = time.monotonic() >= self._deadline
            error = "the whole time was over" if over else f"took more than {cell.seconds:g} s"
            self._document.record(cell.key, "timedOut", seconds=seconds, error=error)
        else:
            code = process.wait(timeout=30)
            text = self._log.read_text(errors="replace")[-LOG_CHARACTERS:]
            error = f"ended the worker with status {code}: {text}"
            self._document.record(cell.key, "failed", seconds=seconds, error=error)
        print(f"{cell.key:48} {error.splitlines()[0]}", flush=True)


class _Events:
    """JSON lines from a pipe, with a deadline for each."""

    def __init__(self, descriptor: int) -> None:
        self.ended = False
        self._lines = self._read(descriptor)
        self._deadline = 0.0

    def next(self, deadline: float) -> dict[str, Any] | None:
        """The next line; None at the deadline, or where the writer has ended (`ended`)."""
        self._deadline = deadline
        line = next(self._lines, None)
        return None if line is None else json.loads(line)

    def _read(self, descriptor: int) -> Iterator[bytes | None]:
        buffer = b""
        while True:
            while b"\n" in buffer:
                line, buffer = buffer.split(b"\n", 1)
                yield line
            wait = max(0.0, self._deadline - time.monotonic())
            if not select.select([descriptor], [], [], wait)[0]:
                yield None
                continue
            data = os.read(descriptor, 1 << 16)
            if not data:
                self.ended = True
                return
            buffer += data


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the worker and every process that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
