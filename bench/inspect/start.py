"""How long `dpojob inspect` takes from its start to the report on a few rows.

With the bytecode that an installation has; the first round may write it. Without, compiling takes longer than all else.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

from bench.pages import table

from dpojob_trainer.shared.rows.messages import FALLBACK_CHAT_TEMPLATE

from .models import make_model
from .tokens import conversation, transcript

ROWS = 20
LIBRARIES = "import jinja2, numpy, pyarrow.compute, pydantic, tokenizers"
"""What an inspection cannot do without."""


def measure_start(directory: Path, rounds: int) -> list[str]:
    """A table of seconds, beside the imports of the libraries alone."""
    make_model(directory / "model", FALLBACK_CHAT_TEMPLATE)
    numbers = random.Random(1)
    rows = [json.dumps(transcript(conversation(numbers))) + "\n" for _ in range(ROWS)]
    (directory / "few.jsonl").write_text("".join(rows))
    sources = {"model": "model", "dataset": "few.jsonl", "output": "output"}
    spec = {
        name: {"volume": {"claimName": "bench", "path": path}} for name, path in sources.items()
    }
    job = {"apiVersion": "dpojob.dev/v1alpha1", "kind": "DPOJob", "metadata": {"name": "bench"}}
    (directory / "job.json").write_text(json.dumps({**job, "spec": spec}))
    commands = {
        f"`dpojob inspect` of {ROWS} rows": [
            "-m", "dpojob.main", "inspect", "-f", str(directory / "job.json"),
            "--volume", f"bench={directory}", "--json",
        ],
        f"`{LIBRARIES}`": ["-c", LIBRARIES],
        "Python alone": ["-c", ""],
    }  # fmt: skip
    found = {name: [float("inf"), float("inf")] for name in commands}
    for _ in range(rounds):
        for name, arguments in commands.items():
            seconds = _run(arguments)
            found[name] = [min(pair) for pair in zip(found[name], seconds, strict=True)]
    lines = [[name, *(f"{value:.2f}" for value in seconds)] for name, seconds in found.items()]
    return table(["from start to end", "s", "s of processor time"], lines)


def _run(arguments: list[str]) -> tuple[float, float]:
    """Seconds, and seconds of processor time, of Python with the arguments, and with bytecode as in the images."""
    environment = {**os.environ}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    begun, before = time.perf_counter(), os.times()
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    seconds, after = time.perf_counter() - begun, os.times()
    used = after.children_user + after.children_system
    return seconds, used - before.children_user - before.children_system
