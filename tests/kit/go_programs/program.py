"""Small Go programs around libraries that other tools read our objects with, built once and kept outside the checkout."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from devcluster.host.paths import cache_dir

SOURCES = ("go.mod", "go.sum", "main.go")


def built(folder: Path) -> Path:
    """The program of a folder beside this module.

    Args:
        folder: With `main.go` and its module files; its name is the program's.
    """
    digest = hashlib.sha256(b"".join((folder / name).read_bytes() for name in SOURCES))
    directory = cache_dir() / "bin"
    target = directory / f"{folder.name}-{digest.hexdigest()[:16]}"
    if target.exists():
        return target
    assert shutil.which("go") is not None, f"Go builds {folder.name}, as it does the devcluster"
    directory.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f"{target.name}.{os.getpid()}")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=readonly"}
    done = subprocess.run(
        ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(made), "."],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made.replace(target)
    return target
