"""The control groups of a node: all below one group, so that they can be removed together."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def _hierarchies() -> list[tuple[Path, bool]]:
    """Every mounted hierarchy, and whether it is version 2."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return [(Path(m[1]), m[2] == "cgroup2") for m in mounts if m[2] in ("cgroup", "cgroup2")]


def create(name: str) -> None:
    """Make the group in every hierarchy."""
    for mount, unified in _hierarchies():
        group = mount / name
        group.mkdir(exist_ok=True)
        if unified:
            offered = (mount / "cgroup.controllers").read_text().split()
            for parent in (mount, group):
                for controller in offered:
                    with suppress(OSError):
                        (parent / "cgroup.subtree_control").write_text(f"+{controller}")
        # A new cpuset of version 1 is empty, and nothing can run in it.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if not unified and (group / file).exists() and not (group / file).read_text().strip():
                (group / file).write_text((mount / file).read_text())


def _groups(name: str) -> Iterator[Path]:
    """Every group below it and itself, the deepest first."""
    for mount, _ in _hierarchies():
        for directory, _, _ in os.walk(mount / name, topdown=False):
            yield Path(directory)


def kill(name: str, timeout: float = 10.0) -> None:
    """End every process in it."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        pids = set()
        for group in _groups(name):
            with suppress(OSError):
                pids.update((group / "cgroup.procs").read_text().split())
        if not pids:
            return
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.05)


def remove(name: str, timeout: float = 10.0) -> None:
    """Remove it; the kernel needs a moment after the last process."""
    deadline = time.monotonic() + timeout
    while (left := list(_groups(name))) and time.monotonic() < deadline:
        for group in left:
            with suppress(OSError):
                group.rmdir()
        time.sleep(0.05)
