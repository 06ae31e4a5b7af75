"""Mounts below a directory."""

import re
import subprocess
from pathlib import Path

from devcluster.host.commands import run
from devcluster.host.errors import DevclusterError


def below(directory: Path) -> list[Path]:
    """Mount points under it, the latest mounted first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        # Spaces and the like are written as octal escapes.
        point = Path(re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), line.split()[4]))
        if point.is_relative_to(directory):
            found.append(point)
    return found[::-1]


def bind(source: Path, target: Path) -> None:
    """Bind-mount `source` at `target`, unless it is mounted already."""
    for path in (source, target):
        path.mkdir(parents=True, exist_ok=True)
    if target not in below(target):
        run("mount", "--bind", str(source), str(target))


def unmount(directory: Path) -> None:
    """Unmount everything under it. Fails when a mount stays, since the caller deletes the directory next."""
    for point in below(directory):
        # Lazily, since another process may have a file open in it.
        subprocess.run(["umount", "--lazy", str(point)], capture_output=True, check=False)
    if left := below(directory):
        raise DevclusterError(f"these stay mounted: {', '.join(map(str, left))}; see `fuser -vm`")


def filesystem(path: Path) -> str:
    """The type of the filesystem that holds a path."""
    result = subprocess.run(
        ["stat", "--file-system", "--format=%T", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout.strip()
