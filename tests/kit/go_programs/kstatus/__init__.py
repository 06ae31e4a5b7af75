"""The real kstatus library (sigs.k8s.io/cli-utils), by which Flux, Argo CD and `helm --wait` read objects."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.kit.go_programs.program import built


def compute(objects: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the library makes of each object: InProgress, Current, Failed, Terminating or Unknown."""
    lines = "".join(f"{json.dumps(each)}\n" for each in objects)
    program = built(Path(__file__).parent)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
