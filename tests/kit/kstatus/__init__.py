"""The real kstatus library (sigs.k8s.io/cli-utils), by which Flux, Argo CD and `helm --wait` read objects.

A small Go program around it is built once from the module files here and kept outside the checkout.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from devcluster.host.paths import cache_dir

SOURCES = [Path(__file__).parent / name for name in ("go.mod", "go.sum", "main.go")]


def compute(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the library makes of each object: InProgress, Current, Failed, Terminating or Unknown."""
    lines = "".join(f"{json.dumps(each)}\n" for each in objects)
    done = subprocess.run([_program()], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def _program() -> Path:
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()[:16]
    directory = cache_dir() / "bin"
    target = directory / f"kstatus-{digest}"
    if target.exists():
        return target
    assert shutil.which("go") is not None, (
        "Go builds the kstatus program, as it does the devcluster"
    )
    directory.mkdir(parents=True, exist_ok=True)
    made = target.with_name(f"{target.name}.{os.getpid()}")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=readonly"}
    done = subprocess.run(
        ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(made), "."],
        cwd=Path(__file__).parent, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made.replace(target)
    return target
