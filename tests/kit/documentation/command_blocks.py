"""The command blocks of the documentation: which are run, what they print, and why others are not run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.kit.repository import ROOT

CLI_PAGE = ROOT / "docs/cli.md"
"""The page whose blocks hack/generators/cli_docs.py runs and records."""
ON_CONTROL_PLANE = "recorded on a control plane"
"""Marks its blocks that need an API server with the job of tests/kit/cluster/documented_job.py."""
OF_TRAINING = "recorded from a training"
"""Marks its blocks that train, and those that show what a training left."""
ON_NODE = "recorded on a node"
"""Marks its blocks that need a node on which examples/quickstart.yaml trains."""
RUN_BY_TEST = "run"
"""Marks blocks that a test runs in an empty directory."""
RUN_BY_TRAINING_TEST = "run by a training test"
"""Marks blocks of a page that trains, which a test marked `train` runs in an empty directory."""
RUN_BY_FIRST_HOUR = "run by hack/first-hour"
"""Marks blocks that need a published release; `hack/first-hour` runs them together with those of RUN_BY_TEST."""
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^\n]*) -->\n)?```console\n(?P<body>.*?)```", re.DOTALL)
STATUS = re.compile(r"\[exit status (\d+)\]")


WITH_DIGIT = re.compile(r"[\w.:-]*\d(?:[\w.,:-]*\w)?")


@dataclass(frozen=True)
class Block:
    """One block of commands and what they print."""

    mark: str | None
    """The comment above it: RUN_BY_TEST, RUN_BY_TRAINING_TEST, RUN_BY_FIRST_HOUR or `not run: REASON`; on CLI_PAGE where it was recorded, None for this machine."""
    commands: str
    """A script: all lines that begin with `$ `, with their continuations and here-documents."""
    output: tuple[str, ...]
    """Lines that the commands print among others."""
    status: int
    """The exit status of the last command."""


def pages() -> list[Path]:
    """README, every page of docs/, and the files elsewhere that the site shows, too."""
    elsewhere = (
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "charts/dpojob/README.md",
    )
    return [*(ROOT / name for name in elsewhere), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    return [_parsed(match["mark"], match["body"]) for match in BLOCK.finditer(page.read_text())]


def shapes(lines: Iterable[str]) -> list[str]:
    """Lines without what differs from run to run: words with a digit, and the width of columns."""
    return [" ".join(WITH_DIGIT.sub("#", line).split()) for line in lines]


def run_block(block: Block, directory: Path, variables: Mapping[str, str]) -> list[str]:
    """Runs the commands of a block.

    Args:
        block: A block of CLI_PAGE.
        directory: Where they run; its path is replaced by "." in the output.
        variables: Of a tenant; empty without a cluster.

    Returns:
        The shapes of the lines that they print; that the exit status is the block's is asserted.
    """
    environment = {**os.environ, "COLUMNS": "96", **variables}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    process = subprocess.run(
        ["bash", "-c", block.commands], cwd=directory, env=environment, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.returncode == block.status, f"{block.commands}\n{process.stdout}"
    return shapes(process.stdout.replace(str(directory), ".").rstrip("\n").split("\n"))


def _parsed(mark: str | None, body: str) -> Block:
    commands: list[str] = []
    output: list[str] = []
    status = 0
    lines = iter(body.splitlines())
    for line in lines:
        found = STATUS.fullmatch(line)
        if line.startswith("$ "):
            commands += _command(line.removeprefix("$ "), lines)
        elif found:
            status = int(found[1])
        else:
            output.append(line.strip())
    return Block(mark, "\n".join(commands), tuple(output), status)


def _command(first: str, lines: Iterator[str]) -> list[str]:
    """A command with the lines that belong to it."""
    command = [first]
    end = re.search(r"<<'(\w+)'", first)
    while (end and command[-1] != end[1]) or (not end and command[-1].endswith("\\")):
        command.append(next(lines))
    return command
