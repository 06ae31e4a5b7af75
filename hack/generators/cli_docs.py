#!/usr/bin/env python3
"""Runs the commands in docs/cli.md and writes their output below them.

    .venv/bin/python hack/generators/cli_docs.py [--data DATA] [--only REGEX]
    .venv/bin/python hack/generators/cli_docs.py --node

A block is a fenced `console` block that begins with `$ COMMAND`; with REGEX only the blocks whose command it matches
are run. Commands run in a fresh directory that holds the examples' files, and in ./data the demo's model and pairs
(DATA is an earlier output of examples/make_demo_data.py). With `--node` the blocks marked `recorded on a node` are
run, with a tenant's rights on the demo's cluster (root, Debian 12); without it all others, where the tenant's cluster
is a control plane (hack/generators/cli_docs_cluster.py). Takes some minutes: commands train. Not part of `make generate`, since
times differ from run to run; tests/docs compares the rest of the output.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "hack")]

from cli_docs_cluster import control_plane, node  # noqa: E402
from tests.kit.documentation.command_blocks import CLI_PAGE, ON_NODE  # noqa: E402

BLOCK = re.compile(r"(<!-- (.*) -->\n)?```console\n\$ (.+)\n(?:.*\n)*?```\n")


def run_command(command: str, directory: Path, environment: dict[str, str]) -> str:
    """Runs a command in a shell.

    Args:
        command: The command line.
        directory: The directory to run it in; its path is replaced by "." in the output.
        environment: Variables of the tenant.

    Returns:
        What it prints on both streams, followed by its exit status where that is not 0.
    """
    process = subprocess.run(
        ["bash", "-c", command], cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={
            **os.environ, **environment, "COLUMNS": "96",
            "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}",
        },
        check=False,
    )  # fmt: skip
    text = re.sub(r"[ \t]+$", "", process.stdout, flags=re.MULTILINE).rstrip("\n")
    text = text.replace(str(directory), ".")
    return f"{text}\n[exit status {process.returncode}]" if process.returncode else text


def main() -> int:
    """Rewrites the page.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--only", type=re.compile, default=re.compile(""))
    parser.add_argument("--node", action="store_true")
    options = parser.parse_args()
    cluster = node if options.node else control_plane
    with tempfile.TemporaryDirectory() as temporary, cluster(Path(temporary)) as environment:
        directory = Path(temporary) / "work"
        directory.mkdir()
        for job in (ROOT / "examples").glob("*.yaml"):
            shutil.copy(job, directory)
        if options.data:
            shutil.copytree(options.data, directory / "data")
        elif not options.node:
            script = ROOT / "examples/make_demo_data.py"
            make_data = [sys.executable, str(script), str(directory / "data"), "--pairs", "1600"]
            subprocess.run(make_data, check=True, stdout=sys.stderr)

        chosen = [
            block[3]
            for block in BLOCK.finditer(CLI_PAGE.read_text())
            if (block[2] == ON_NODE) == options.node and options.only.search(block[3])
        ]
        outputs = {}
        for command in chosen:
            print(f"$ {command}", file=sys.stderr, flush=True)
            outputs[command] = run_command(command, directory, environment)

    def with_output(block: re.Match[str]) -> str:
        if block[3] not in outputs:
            return block[0]
        return f"{block[1] or ''}```console\n$ {block[3]}\n{outputs[block[3]]}\n```\n"

    CLI_PAGE.write_text(BLOCK.sub(with_output, CLI_PAGE.read_text()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
