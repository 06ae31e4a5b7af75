"""The command blocks of the documentation: which are run, what they print, and why others are not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORDED = {ROOT / "docs/cli.md"}
"""Pages whose blocks a generator runs and records."""
BLOCK = re.compile(r"(?:<!-- (?P<mark>[^\n]*) -->\n)?```console\n(?P<body>.*?)```", re.DOTALL)
STATUS = re.compile(r"\[exit status (\d+)\]")


@dataclass(frozen=True)
class Block:
    """One block of commands and what they print."""

    mark: str | None
    """The comment above it: `run`, or `not run: REASON`."""
    commands: str
    """A script: all lines that begin with `$ `, with their continuations and here-documents."""
    output: tuple[str, ...]
    """Lines that the commands print among others."""
    status: int
    """The exit status of the last command."""


def pages() -> list[Path]:
    """README and every page of docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    return [_parsed(match["mark"], match["body"]) for match in BLOCK.finditer(page.read_text())]


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
