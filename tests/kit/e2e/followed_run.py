"""A second training job beside the quick start's, whose log `dpojob logs --follow` prints while it runs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import yaml
from tests.kit.repository import ROOT
from tests.kit.waiting import LIMIT

NAME = "stricter"
SETTINGS = {"beta": 0.5, "epochs": 0.5}
"""What the second job's training has and examples/quickstart.yaml's has not."""


@dataclass
class FollowedLog:
    """What `dpojob logs --follow` printed.

    Attributes:
        records: Lines of standard output in which the trainer printed figures, with the Unix time of their arrival.
        lines: All lines of standard output.
        messages: All lines of standard error.
        status: The exit status.
    """

    records: list[tuple[float, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    status: int | None = None


def second_manifest() -> dict[str, Any]:
    """The manifest of the second job."""
    job: dict[str, Any] = yaml.safe_load((ROOT / "examples/quickstart.yaml").read_text())
    job["metadata"]["name"] = NAME
    job["spec"]["training"] |= SETTINGS
    return job


def create_and_follow(path: Path, environment: dict[str, str]) -> FollowedLog:
    """Creates the second job and prints its log until it has ended, both by the command.

    Args:
        path: The manifest's file.
        environment: Of a tenant.

    Returns:
        What was printed.
    """
    path.write_text(yaml.safe_dump(second_manifest()))
    subprocess.run(["kubectl", "apply", "-f", path], env=environment, check=True)
    log = FollowedLog()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("dpojob"), "logs", NAME, "--follow"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    readers = [
        threading.Thread(target=_read_output, args=(process.stdout, log), daemon=True),
        threading.Thread(target=lambda file: log.messages.extend(file), args=(process.stderr,)),
    ]
    for reader in readers:
        reader.start()
    try:
        log.status = process.wait(10 * LIMIT)
    finally:
        process.kill()
        for reader in readers:
            reader.join()
    return log


def _read_output(file: IO[str], log: FollowedLog) -> None:
    for line in file:
        log.lines.append(line)
        if line.startswith("{'loss'"):
            log.records.append((time.time(), line))
