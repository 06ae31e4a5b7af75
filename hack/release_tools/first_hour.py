"""Tries the pages of docs/start as a new user would: `hack/first-hour`.

For each page its command blocks run in an empty directory with an empty home. A release on the
loopback address stands in for the public package index and the public registry, a loopback hub for the Hugging Face
hub, and an API server with simulated nodes for the cluster: the operator's container does not run there. On one
machine it runs: `make demo` in a copy of the checkout, from nothing and once more, and `make down`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from cluster_tools import ROOT, devcluster
from tests.kit.documentation.command_blocks import RUN_BY_FIRST_HOUR, RUN_BY_TEST, Block, blocks
from tests.kit.hub.server import Hub
from tests.kit.tiny_models import make_model

from .artifacts import plain_http
from .local_release import LocalRelease, copy_checkout, published
from .step_table import StepTable, describe_machine, write_section

LAPTOP = ROOT / "docs/start/laptop.md"
ONE_MACHINE = ROOT / "docs/start/one-machine.md"
CLUSTER = ROOT / "docs/start/cluster.md"
TIMES = ROOT / "docs/start/times.md"
LAPTOP_AND_CLUSTER = "A laptop and a cluster"
ON_ONE_MACHINE = "One machine"
PUBLIC_CHART = "oci://ghcr.io/dpojob/charts/dpojob"
"""The chart as the pages name it."""
MODEL = "Qwen/Qwen2.5-0.5B-Instruct"
"""The model of the pages, for which the loopback hub has a tiny one."""
GPU_NODE = ("--gpus", "4", "--label", "nvidia.com/gpu.product=Tesla-T4", "--label", "nvidia.com/gpu.memory=15360",
            "--label", "nvidia.com/gpu.count=4")  # fmt: skip
"""A simulated node as NVIDIA's GPU Feature Discovery labels one."""


def main(arguments: list[str]) -> int:
    """Tries each page, and prints a table of steps and seconds.

    Args:
        arguments: The command line's arguments.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="hack/first-hour", description=__doc__)
    parser.add_argument(
        "--without-node",
        action="store_true",
        help="leave out `make demo`, which needs Debian 12 as root, or Docker and kind, and takes minutes",
    )
    parser.add_argument(
        "--write", action="store_true", help=f"write the tables into {TIMES.relative_to(ROOT)}"
    )
    options = parser.parse_args(arguments)
    machine = describe_machine()
    tables = {LAPTOP_AND_CLUSTER: StepTable()}
    with tempfile.TemporaryDirectory(prefix="dpojob-first-hour-") as temporary:
        scratch = Path(temporary)
        table = tables[LAPTOP_AND_CLUSTER]
        with published(scratch / "release", table) as release:
            try_laptop(release, scratch / "laptop", table)
            try_cluster(release, scratch / "cluster", scratch / "laptop", table)
        if not options.without_node:
            table = tables[ON_ONE_MACHINE] = StepTable()
            try_one_machine(scratch / "one-machine", table)
    for heading, table in tables.items():
        print(f"{heading}\n{table}\n")
        if options.write:
            write_section(TIMES, heading, f"{machine}\n\n{table.markdown()}")
    return 0


def try_laptop(release: LocalRelease, directory: Path, table: StepTable) -> None:
    """Runs the page of a laptop: install from the index, inspect, plan.

    Args:
        release: What was published.
        directory: Is made; the page's commands run in it, with their virtual environment and home below it.
        table: Gets the steps.
    """
    (directory / "home").mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", directory / "venv"], check=True)
    with Hub() as hub:
        hub.add_model(MODEL, make_model(directory / "home/model", teach_steps=0))
        variables = {**hub.env(), "PIP_EXTRA_INDEX_URL": release.index, "PATH": _path(directory)}
        run_page(LAPTOP, directory, variables, table)


def try_cluster(release: LocalRelease, directory: Path, laptop: Path, table: StepTable) -> None:
    """Runs the page of a cluster: chart from the registry, pools from the nodes, a job.

    Args:
        release: What was published.
        directory: Is made; the page's commands run in it.
        laptop: Where the page of a laptop ran: its command is used, and its job is applied.
        table: Gets the steps.
    """
    (directory / "home").mkdir(parents=True)
    (directory / "job.yaml").write_bytes((laptop / "job.yaml").read_bytes())
    cluster = f"first-hour-{uuid.uuid4().hex[:6]}"
    with table.step("start an API server with simulated nodes"):
        devcluster("up", "--mode", "control-plane", "--nodes", "1", "--name", cluster)
        devcluster("kwok-node", "gpu-node", "--name", cluster, *GPU_NODE)
    try:
        tools = directory / "bin"
        tools.mkdir()
        for name in ("helm", "kubectl"):
            (tools / name).symlink_to(devcluster("bin", name, "--name", cluster).strip())
        kubeconfig = devcluster("kubeconfig", "--name", cluster).strip()
        variables = {"KUBECONFIG": kubeconfig, "PATH": f"{tools}:{_path(laptop)}"}
        chart = " ".join([release.chart, *plain_http(release.chart)])
        run_page(CLUSTER, directory, variables, table, {PUBLIC_CHART: chart})
    finally:
        devcluster("down", "--purge", "--name", cluster)


def try_one_machine(directory: Path, table: StepTable) -> None:
    """Runs the page of one machine: the demo from nothing, once more, and its end.

    Args:
        directory: Is made, for a copy of the checkout without an environment; its `home` is the only cache.
        table: Gets the steps.
    """
    copy_checkout(directory)
    (directory / "home").mkdir()
    # Where this machine's home is named by other variables, caches of earlier runs would be used.
    homes = {name: "" for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME") if name in os.environ}
    try:
        run_page(ONE_MACHINE, directory, homes, table)
    finally:
        subprocess.run(
            ["make", "-s", "down"], cwd=directory, check=False,
            env={**os.environ, **homes, "HOME": str(directory / "home")},
        )  # fmt: skip


def run_page(
    page: Path,
    directory: Path,
    variables: Mapping[str, str],
    table: StepTable,
    replaced: Mapping[str, str] | None = None,
) -> None:
    """Runs the blocks of a page that are marked to be run, in order; a wrong exit status ends the program.

    Args:
        page: The page.
        directory: Where its commands run; its `home` is their home.
        variables: Of the environment, beside those of the machine.
        table: Gets a step for each block.
        replaced: Public addresses in the commands, with those that stand in for them.
    """
    for block in blocks(page):
        if block.mark not in (RUN_BY_TEST, RUN_BY_FIRST_HOUR):
            continue
        with table.step(f"{page.relative_to(ROOT / 'docs')}: {block.commands.splitlines()[0]}"):
            _run_block(block, directory, variables, replaced or {})


def _run_block(
    block: Block, directory: Path, variables: Mapping[str, str], replaced: Mapping[str, str]
) -> None:
    commands = block.commands
    for public, local in replaced.items():
        commands = commands.replace(public, local)
    done = subprocess.run(
        ["bash", "-c", commands], cwd=directory, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "HOME": str(directory / "home"), "COLUMNS": "96", **variables},
    )  # fmt: skip
    if done.returncode != block.status:
        sys.exit(f"first-hour: exit status {done.returncode} of:\n{commands}\n{done.stdout}")
    missing = [line for line in block.output if line not in done.stdout]
    if missing:
        sys.exit(f"first-hour: {missing} is not in the output of:\n{commands}\n{done.stdout}")


def _path(directory: Path) -> str:
    """PATH with the virtual environment of a directory before the machine's own commands."""
    return f"{directory / 'venv/bin'}:{os.environ['PATH']}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
