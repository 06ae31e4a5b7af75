"""Long-running processes with a record on disk: started once, reused, restarted when dead.

A record holds the pid and the kernel's start time of the process. Both together name one process
for good: a recycled pid has another start time and is never touched.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devcluster.host.errors import DevclusterError


def _state_and_start(pid: int) -> tuple[str, str] | None:
    """State letter and the kernel's start time of a process, zombies included; None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The command name may hold spaces and brackets: the fields begin after the last one.
    fields = stat.rpartition(")")[2].split()
    return fields[0], fields[19]


def start_time(pid: int) -> str | None:
    """The kernel's start time of a live process; None when it is gone or a zombie."""
    found = _state_and_start(pid)
    return None if found is None or found[0] in "ZX" else found[1]


def is_program_running(name: str) -> bool:
    """Tell whether any process of this machine runs a program.

    Args:
        name: The name of its file, at most 15 characters, which is what the kernel keeps.

    Returns:
        Whether one does, zombies not counted.
    """
    for path in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):
            if path.read_text().rstrip("\n") == name and start_time(int(path.parent.name)):
                return True
    return False


def wait_threads_ended(pid: int, started: str, timeout: float = 20.0) -> None:
    """Wait until nothing of a process that ended holds its ports any more.

    One is a zombie as soon as its first thread has ended; on a busy machine the others follow later.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            threads = sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
        except OSError:
            return
        found = _state_and_start(pid)
        if found is None or found[1] != started or threads <= 1:
            return
        time.sleep(0.05)


def wait_reaped(pids: Iterable[int], timeout: float = 5.0) -> None:
    """Wait until ended processes are no longer listed, which is up to the machine's init."""
    deadline = time.monotonic() + timeout
    waiting = [Path(f"/proc/{pid}") for pid in pids]
    while any(path.exists() for path in waiting) and time.monotonic() < deadline:
        time.sleep(0.05)


@dataclass(frozen=True)
class Daemon:
    """One component: its command, its configuration files, and the check that it is ready."""

    name: str
    command: Sequence[str]
    ready: Callable[[], bool] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Configuration by path. Written only before a start, since some components exit when theirs changes."""
    timeout: float = 180.0
    """Seconds until it serves, far more than a busy machine takes."""
    restarts: int = 1
    """How often it is started again when it ends before it is ready."""


class Daemons:
    """The daemons of one cluster, by name."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log_dir = directory / "logs"

    def _record(self, name: str) -> Path:
        return self.directory / f"{name}.json"

    def log(self, name: str) -> Path:
        """The log file of a daemon."""
        return self.log_dir / f"{name}.log"

    def names(self) -> list[str]:
        """Every daemon ever recorded here, running or not."""
        return sorted(path.stem for path in self.directory.glob("*.json"))

    def _known(self, name: str) -> dict[str, Any] | None:
        try:
            record: dict[str, Any] = json.loads(self._record(name).read_text())
        except (OSError, ValueError):
            return None
        return record

    def pid(self, name: str) -> int | None:
        """The pid of a running daemon; None when it is not running."""
        record = self._known(name)
        if record is None:
            return None
        pid = int(record["pid"])
        found = _state_and_start(pid)
        if found is None or found[1] != record["started"]:
            return None
        if found[0] not in "ZX":
            return pid
        # A child of this process stays a zombie until its exit status is read.
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        return None

    def start(self, daemon: Daemon) -> bool:
        """Start it unless it runs with the same command and configuration; whether it was started."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(Path.home()), **daemon.environment}
        spec = {
            "command": list(daemon.command),
            "environment": daemon.environment,
            "files": daemon.files,
        }
        before = self._known(daemon.name)
        if self.pid(daemon.name) is not None:
            if before is not None and before["spec"] == spec:
                return False
            self.stop(daemon.name)
        if before is not None:
            wait_threads_ended(int(before["pid"]), before["started"])
        self.log_dir.mkdir(parents=True, exist_ok=True)
        for path, content in daemon.files.items():
            Path(path).write_text(content)
        with self.log(daemon.name).open("ab") as log:
            process = subprocess.Popen(
                daemon.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        # The process outlives this object: Popen must not warn that it was never waited for.
        process.returncode = 0
        record = {"pid": process.pid, "started": start_time(process.pid) or "0", "spec": spec}
        target = self._record(daemon.name)
        temporary = target.with_suffix(".tmp")
        temporary.write_text(json.dumps(record))
        temporary.replace(target)
        return True

    def wait(self, daemon: Daemon, *needs: Daemon) -> None:
        """Wait until it serves, while what it `needs` runs.

        Fails with the end of the log of the one that ends more often than it is restarted, or when it
        takes too long.
        """
        deadline = time.monotonic() + daemon.timeout
        restarts = {one.name: one.restarts for one in (*needs, daemon)}
        while True:
            for one in (*needs, daemon):
                # Read once: a process that a signal is ending is alive in one read, gone in the next.
                if self.pid(one.name) is not None:
                    continue
                if not restarts[one.name]:
                    raise DevclusterError(
                        self._failure_message(one.name, "ended right after its start")
                    )
                restarts[one.name] -= 1
                self.start(one)
            if daemon.ready is None or daemon.ready():
                return
            if time.monotonic() > deadline:
                why = f"is not ready after {daemon.timeout:.0f} s"
                raise DevclusterError(self._failure_message(daemon.name, why))
            time.sleep(0.1)

    def _failure_message(self, name: str, why: str) -> str:
        log = self.log(name)
        tail = log.read_text(errors="replace").splitlines()[-25:] if log.exists() else []
        lines = [f"{name} {why}. The end of its log:", *(f"    {line}" for line in tail)]
        lines += [
            f"The whole log: {log}",
            "What to do: run the same command again (what runs is kept); if that does not help, "
            "`python -m devcluster down` and `up`.",
        ]
        return "\n".join(lines)

    def stop(self, *names: str, grace: float = 10.0) -> None:
        """Send SIGTERM to all of them, SIGKILL after `grace` seconds, and delete their records."""
        for name in names:
            self._signal(name, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while any(self.pid(name) for name in names) and time.monotonic() < deadline:
            time.sleep(0.05)
        for name in names:
            self._signal(name, signal.SIGKILL)
        while any(self.pid(name) for name in names):
            time.sleep(0.02)
        for name in names:
            self._record(name).unlink(missing_ok=True)

    def _signal(self, name: str, number: signal.Signals) -> None:
        pid = self.pid(name)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
