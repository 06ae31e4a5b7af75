"""A release of this checkout on the loopback address, by the commands of the release workflow: `hack/release --local`.

A copy of the checkout gets a scratch version, a commit and a tag. Its own `hack/release` builds and pushes; package
index and OCI registry are servers of this process. The images are not built: `helm install` is a dry run on an API server.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import demo
from cluster_tools import ROOT, devcluster, run

from devcluster.versions import KUBERNETES

from .artifacts import SUMS, helm, plain_http
from .loopback import file_server, oci_registry
from .step_table import StepTable

VERSION = "99.0.0"
"""A version that no index has: what is installed is what was built here."""
TAG = f"v{VERSION}"
SOURCE = "https://example.com/dpojob"


@dataclass(frozen=True)
class LocalRelease:
    """What was published, and where."""

    directory: Path
    """What `hack/release build` wrote."""
    index: str
    """The package index."""
    registry: str
    """Host and port of the OCI registry."""
    chart: str
    """The chart's reference without version, such as `oci://127.0.0.1:40001/dpojob/charts/dpojob`."""


def try_release(kubeconfig: Path | None) -> int:
    """Releases, installs what was published, and prints how long each step took.

    Args:
        kubeconfig: Of the API server for the chart; None starts one for the time.

    Returns:
        The exit status.
    """
    table = StepTable()
    with (
        tempfile.TemporaryDirectory(prefix="dpojob-release-") as temporary,
        _api_server(kubeconfig, table) as server,
        installed(Path(temporary), server, table),
    ):
        print(table)
    return 0


@contextmanager
def installed(
    directory: Path, kubeconfig: Path, table: StepTable
) -> Iterator[tuple[LocalRelease, Path]]:
    """Releases, installs the command and the chart from what was published, and tries both.

    Args:
        directory: Where the copy of the checkout, its build and the command's environment are made.
        kubeconfig: Of the API server for the chart.
        table: Gets the steps.

    Yields:
        What was published, and the directory of the installed commands.
    """
    with published(directory / "release", table) as release:
        with table.step("pip install 'dpojob[inspect]' into an empty environment"):
            commands = install(release, directory / "environment", "dpojob[inspect]")
        _try_command(commands, directory, table)
        _try_chart(release, kubeconfig, table)
        yield release, commands


@contextmanager
def published(directory: Path, table: StepTable) -> Iterator[LocalRelease]:
    """Releases a copy of this checkout; what was published is there until the block ends.

    Args:
        directory: Is made, for the copy and what it builds.
        table: Gets the steps.

    Yields:
        What was published.
    """
    checkout, built = directory / "checkout", directory / "dist"
    with table.step(f"tag {TAG} in a copy of the checkout"):
        copy_checkout(checkout)
        (checkout / ".venv").symlink_to(ROOT / ".venv")
        tag(checkout)
    release = str(checkout / "hack/release")
    with table.step("hack/release build: wheels, chart, SBOMs, kubectl plugin, checksums"):
        run(release, "build", TAG, str(built), "--source", SOURCE)
        subprocess.run(["sha256sum", "--check", "--quiet", SUMS], cwd=built, check=True)
    with file_server(built) as files, oci_registry() as registry:
        charts = f"oci://{registry}/dpojob/charts"
        with table.step("hack/release push-chart"):
            print(f"    {run(release, 'push-chart', str(built), charts).strip()}")
        yield LocalRelease(built, f"{files}/simple", registry, f"{charts}/dpojob")


def copy_checkout(target: Path) -> None:
    """Copies the files of this checkout that Git tracks or would add."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy)


def tag(checkout: Path) -> None:
    """Commits the scratch version in a copy of the checkout, and tags it."""
    run(str(checkout / "hack/release"), "set-version", VERSION)
    author = ("-c", "user.name=release", "-c", "user.email=release@example.com")
    for arguments in (
        ("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message", f"Release {VERSION}"),
        ("tag", TAG),
    ):  # fmt: skip
        run("git", "-C", str(checkout), *author, *arguments)


def install(release: LocalRelease, environment: Path, requirement: str) -> Path:
    """Installs a published package into an empty virtual environment, with the machine's index for all others.

    Args:
        release: What was published.
        environment: Is made.
        requirement: Such as `dpojob[inspect]`.

    Returns:
        The directory of the installed commands.
    """
    uv = str(ROOT / "hack/uv")
    run(uv, "venv", "--quiet", str(environment))
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--index", release.index, f"{requirement}=={VERSION}"],
        check=True, env={**os.environ, "VIRTUAL_ENV": str(environment), "NO_PROXY": "127.0.0.1"},
    )  # fmt: skip
    return environment / "bin"


def _try_command(commands: Path, directory: Path, table: StepTable) -> None:
    """Inspects and plans the quickstart with the installed command, from a directory outside the checkout."""
    program = str(commands / "dpojob")
    example = str(ROOT / "examples/quickstart.yaml")
    with table.step("dpojob inspect -f examples/quickstart.yaml"):
        volume = f"{demo.JOB}={demo.demo_data()}"
        subprocess.run(
            [program, "inspect", "-f", example, "--volume", volume], cwd=directory, check=True
        )
    with table.step("dpojob plan -f examples/quickstart.yaml"):
        subprocess.run(
            [program, "plan", "-f", example, "--parameters", "1.5B", "--rows", "3000"],
            cwd=directory, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip


@contextmanager
def _api_server(kubeconfig: Path | None, table: StepTable) -> Iterator[Path]:
    if kubeconfig:
        yield kubeconfig
        return
    name = f"release-{uuid.uuid4().hex[:6]}"
    with table.step("start an API server"):
        devcluster("up", "--mode", "control-plane", "--name", name)
    try:
        yield Path(devcluster("kubeconfig", "--name", name).strip())
    finally:
        devcluster("down", "--purge", "--name", name)


def _try_chart(release: LocalRelease, kubeconfig: Path, table: StepTable) -> None:
    """Renders and installs the published chart, the latter as a dry run on an API server."""
    chart = ("dpojob", release.chart, "--version", VERSION, *plain_http(release.chart))
    with table.step("helm template from the registry"):
        # A Helm that was built from source takes an old Kubernetes for the cluster's.
        rendered = run(helm(), "template", *chart, "--kube-version", KUBERNETES)
    for image in ("operator", "inspect", "trainer"):
        reference = f"/dpojob-{image}:{VERSION}"
        if reference not in rendered:
            raise SystemExit(f"release: the published chart does not name an image {reference}")
    with table.step("helm install --dry-run=server from the registry"):
        run(
            helm(), "--kubeconfig", str(kubeconfig), "install", *chart, "--dry-run=server",
            "--take-ownership", "--namespace", "dpojob-system", "--create-namespace",
        )  # fmt: skip
