"""What a cluster could leave on the machine, as one comparable picture."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SYSCTLS = ("net/ipv4/ip_forward", "kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory")


def _lines(*command: str) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def _processes(marker: str) -> set[str]:
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if marker in command:
            found.add(f"{path.parent.name} {command}")
    return found


def _rules() -> set[str]:
    # Only real nodes need the package iptables; where it was never installed, nothing made rules.
    tools = filter(shutil.which, ("iptables-save", "ip6tables-save"))
    saved = [line for tool in tools for line in _lines(tool)]
    # Empty built-in chains appear as soon as any program lists a table.
    return {s.split(" [")[0] for s in saved if s[:1] in ":-" and " ACCEPT [" not in s}


def _mounts(marker: str) -> set[str]:
    """Mount points, without those of image builds and of other tests, which may run at the same time."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    others = ("/var/lib/containers", tempfile.gettempdir())
    points = {line.split()[4] for line in lines}
    return {point for point in points if marker in point or not point.startswith(others)}


def _below(top: str) -> set[str]:
    """A directory and all in it; a walk that passes over what another program removes meanwhile."""
    found = {top} if Path(top).exists() else set()
    for directory, folders, files in os.walk(top):
        found.update(f"{directory}/{name}" for name in (*folders, *files))
    return found


def picture(marker: str) -> dict[str, set[str]]:
    """The state of the machine by kind; every process of the cluster has `marker`, the state directory, in its arguments."""
    shared = ("/run/dpojob", "/run/containerd", "/var/lib/cni", "/var/lib/kubelet")
    files = [*shared, "/var/log/containers", "/var/log/pods", "/opt/containerd"]
    return {
        "processes": _processes(marker),
        "mounts": _mounts(marker),
        "links": {line.split(":")[1] for line in _lines("ip", "-o", "link")},
        "addresses": {" ".join(line.split()[1:4]) for line in _lines("ip", "-o", "address")},
        "routes": set(_lines("ip", "route")),
        "namespaces": {str(path) for path in Path("/run/netns").glob("*")},
        "rules": _rules(),
        "cgroups": {path for path in _below("/sys/fs/cgroup") if "dpojob" in Path(path).name},
        "sysctls": {f"{name}={(Path('/proc/sys') / name).read_text().strip()}" for name in SYSCTLS},
        "files": {path for top in files for path in _below(top)},
        "hosts": {Path("/etc/hosts").read_text()},
    }


def differences(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    """What exists now and did not before, or existed before and does not now."""
    return {kind: before[kind] ^ after[kind] for kind in before if before[kind] != after[kind]}
