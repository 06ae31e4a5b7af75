"""Runs the command: as a process of its own, or in this one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dpojob.main import main

COMMAND = Path(sys.executable).parent / "dpojob"
UNREACHABLE = """
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""
"""The kubeconfig of a cluster that is down."""


@dataclass(frozen=True)
class Result:
    """Exit status and output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value, and nothing else."""
        return json.loads(self.out)


def run(
    *arguments: str | Path, stdin: str | None = None, env: Mapping[str, str] | None = None
) -> Result:
    """Runs the real command."""
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        input=stdin, capture_output=True, text=True, check=False,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return Result(done.returncode, done.stdout, done.stderr)


class Terminal(io.StringIO):
    """What a user types on a terminal, or what it shows."""

    def isatty(self) -> bool:
        """Answers as a terminal does."""
        return True


def run_inside(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    typed: str | None = None,
    shown: bool = False,
) -> Result:
    """Runs the command in this process, which spares the import of its libraries.

    Args:
        *arguments: The command line.
        env: Further variables.
        stdin: Standard input, as of a pipe.
        typed: Standard input, as of a terminal.
        shown: Standard output is a terminal.

    Returns:
        What it did.
    """
    out, err = Terminal() if shown else io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        for name, value in {"COLUMNS": "100", **(env or {})}.items():
            patch.setenv(name, value)
        patch.setattr("sys.argv", ["dpojob"])
        terminal = None if typed is None else Terminal(typed)
        patch.setattr("sys.stdin", terminal or io.StringIO(stdin or ""))
        code = main(list(map(str, arguments)))
    return Result(code, out.getvalue(), err.getvalue())
