"""What the kernel counts of a process: processor time, resident memory, open files and sockets."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

WIRE_BYTES = re.compile(r"\bbytes_(?:sent|received):(\d+)")
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def wanted_seconds(pid: int) -> float:
    """The seconds for which all its threads ran, or were ready to run and waited for a processor."""
    found = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            ran, waited, _ = (thread / "schedstat").read_text().split()
        except OSError:  # the thread has ended
            continue
        found += int(ran) + int(waited)
    return found / 1e9


def resident_mib(pid: int) -> float:
    """Resident memory now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def descriptors(pid: int) -> tuple[int, int]:
    """Open file descriptors that are sockets, and all others."""
    sockets = others = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("socket:"):
            sockets += 1
        else:
            others += 1
    return sockets, others


def wire_bytes(pid: int) -> int:
    """Bytes that its open TCP connections have sent and received, with TLS and HTTP around the bodies."""
    listed = subprocess.run(
        ["ss", "-tinpHO"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    own = (line for line in listed if f"pid={pid}," in line)
    return sum(int(size) for line in own for size in WIRE_BYTES.findall(line))


def threads(pid: int) -> int:
    """Threads of the process."""
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
