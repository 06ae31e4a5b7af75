"""Runs commands in lanes side by side: a log for each command, its output in whole if it fails, a table at the end."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from .disk import lowest_space

PYTEST_COUNTS = re.compile(r"\d+ (?:passed|failed|errors?)\b.*(?= in [\d.]+s)")
"""The counts in the last line that pytest prints."""


@dataclass(frozen=True)
class Part:
    """One command of a lane."""

    name: str
    command: Sequence[str]

    @property
    def log_name(self) -> str:
        """Its log's file name."""
        return re.sub(r"\W+", "-", self.name).strip("-").lower() + ".log"


@dataclass(frozen=True)
class Result:
    """How a part ended."""

    part: Part
    seconds: float
    """Wall-clock time."""
    processor_seconds: float
    """The processor time of the command and of the processes that it waited for; daemons that outlive it are not counted."""
    exit_status: int
    """Negative for a signal."""
    counts: str
    """How many tests passed and failed; empty where the command is not pytest."""


def run_lanes(lanes: Sequence[Sequence[Part]], logs: Path) -> int:
    """Run each lane's parts one after the other, the lanes at the same time.

    SIGINT and SIGTERM end the running parts as Ctrl-C does, and no other part starts.

    Args:
        lanes: The parts. One that fails does not keep the next from running.
        logs: A directory for the output of each part; what it held is deleted.

    Returns:
        The exit status: 0 when every part ran and ended with 0, 1 when one did not, 130 after a signal.
    """
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    return _Run(lanes, logs).run()


class _Run:
    """One call of `run_lanes`."""

    def __init__(self, lanes: Sequence[Sequence[Part]], logs: Path) -> None:
        self._lanes = lanes
        self._logs = logs
        self._started = time.monotonic()
        self._results: dict[str, Result] = {}
        self._printing = threading.Lock()
        self._starting = threading.Lock()
        """Held to start a part, and to stop them all: none starts after the signal was passed on."""
        self._running: set[int] = set()
        self._stopped = False

    def run(self) -> int:
        """Run everything and return the exit status."""
        handlers = {
            number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)
        }
        threads = [threading.Thread(target=self._run_lane, args=[lane]) for lane in self._lanes]
        with lowest_space(self._logs) as space:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        return self._summarize(f"logs: {self._logs}; {space}")

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        with self._starting:
            self._stopped = True
            for pid in self._running:
                os.killpg(pid, signal.SIGINT)

    def _run_lane(self, lane: Sequence[Part]) -> None:
        for part in lane:
            self._run_part(part)

    def _run_part(self, part: Part) -> None:
        path = self._logs / part.log_name
        started = time.monotonic()
        with path.open("wb") as log, self._starting:
            if self._stopped:
                return
            # A process group of its own, so that a terminal's Ctrl-C reaches it once, through `_stop`.
            process = subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(process.pid)
        self._print(f"== {part.name}: started ({path})")
        # The process stays a zombie, so that `_stop` cannot meet another one of its number.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with self._starting:
            self._running.remove(process.pid)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output = path.read_text(errors="replace").rstrip()
        counts = PYTEST_COUNTS.search(output.rpartition("\n")[2])
        result = self._results[part.name] = Result(
            part,
            seconds=time.monotonic() - started,
            processor_seconds=usage.ru_utime + usage.ru_stime,
            exit_status=process.returncode,
            counts=counts[0] if counts else "",
        )
        ended = f"== {part.name}: {_outcome(result)} after {_minutes(result.seconds)}"
        if result.exit_status:
            ended = f"{ended}; its output:\n{output}\n== end of the output of: {part.name}"
        self._print(ended)

    def _print(self, text: str) -> None:
        with self._printing:
            print(text, flush=True)

    def _summarize(self, remarks: str) -> int:
        """Print the table and return the exit status."""
        parts = [part for lane in self._lanes for part in lane]
        width = max(len(part.name) for part in parts)
        print(f"\n{'part':{width}}  {'time':>7}  {'CPU':>7}  result")
        for part in parts:
            result = self._results.get(part.name)
            if result is None:
                print(f"{part.name:{width}}  {'':7}  {'':7}  not run")
                continue
            times = [_minutes(result.seconds), _minutes(result.processor_seconds)]
            shown = " ".join(
                filter(None, [_outcome(result), result.counts and f"({result.counts})"])
            )
            print(f"{part.name:{width}}  {times[0]:>7}  {times[1]:>7}  {shown}")
        failed = [
            part.name for part in parts if (r := self._results.get(part.name)) and r.exit_status
        ]
        took = _minutes(time.monotonic() - self._started)
        if self._stopped:
            print(f"stopped by a signal after {took}")
            return 130
        if failed:
            print(f"FAILED after {took}: {', '.join(failed)} ({remarks})")
            return 1
        print(f"all tests passed in {took} ({remarks})")
        return 0


def _outcome(result: Result) -> str:
    """The entry of the table: passed, or failed with which exit status."""
    return "passed" if result.exit_status == 0 else f"FAILED with exit status {result.exit_status}"


def _minutes(seconds: float) -> str:
    """Formats seconds as 12m05s."""
    whole = round(seconds)
    return f"{whole // 60}m{whole % 60:02}s"
