"""The page of a real API server: `dpojob ui` with a tenant's kubeconfig, and a browser that opens it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.cli.conftest import COMMAND
from tests.kit.cluster.chart_rights import ROOT, render
from tests.kit.crds import apply_crds


@dataclass
class Tenant:
    """A user who has `edit` in two namespaces, and writes statuses as the operator would."""

    plane: Any
    namespaces: tuple[str, str]
    kubeconfig: Path

    @property
    def env(self) -> dict[str, str]:
        """For commands of the tenant."""
        kubectl = Path(self.plane.bin("kubectl"))
        path = f"{kubectl.parent}:{os.environ['PATH']}"
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "PATH": path}

    def create(self, job: dict[str, Any]) -> None:
        """Creates a job, then writes its status."""
        metadata = {name: job["metadata"][name] for name in ("name", "namespace")}
        self.plane.kubectl("create", "-f", "-", input=json.dumps(job | {"metadata": metadata}))
        self.report(metadata["namespace"], metadata["name"], **job.get("status", {}))

    def report(self, namespace: str, name: str, **status: Any) -> None:
        """Writes fields of a status, with the operator's rights."""
        patch = json.dumps({"status": status})
        options = ("--subresource=status", "--type=merge", "-p", patch)
        self.plane.kubectl("-n", namespace, "patch", "dpojob", name, *options)


def _tenant_kubeconfig(plane: Any, namespaces: tuple[str, str], path: Path) -> None:
    """A service account with the role `edit`, as the chart extends it, in both namespaces."""
    account = f"system:serviceaccount:{namespaces[0]}:tenant"
    plane.kubectl("-n", namespaces[0], "create", "serviceaccount", "tenant")
    for namespace in namespaces:
        plane.kubectl(
            "-n", namespace, "create", "rolebinding", "tenant", "--clusterrole=edit",
            f"--serviceaccount={account.removeprefix('system:serviceaccount:')}",
        )  # fmt: skip
    plane.kubectl(
        "create", "clusterrolebinding", f"pools-{namespaces[0]}",
        "--clusterrole=dpojob-pool-viewer",
        f"--serviceaccount={account.removeprefix('system:serviceaccount:')}",
    )  # fmt: skip
    token = plane.kubectl("-n", namespaces[0], "create", "token", "tenant", "--duration=2h").stdout
    config = json.loads(plane.kubectl("config", "view", "--raw", "--minify", "-o", "json").stdout)
    cluster = config["clusters"][0]["name"]
    config["users"] = [{"name": "tenant", "user": {"token": token.strip()}}]
    config["contexts"] = [
        {"name": name, "context": {"cluster": cluster, "user": "tenant", "namespace": name}}
        for name in namespaces
    ]
    config["current-context"] = namespaces[0]
    path.write_text(json.dumps(config))


@pytest.fixture(scope="module")
def tenant(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """Two namespaces of the tenant, and one of somebody else with a job in it."""
    apply_crds(control_plane, ROOT / "crds")
    control_plane.kubectl(
        "apply", "-f", "-", input=render(control_plane, "dpojob", "default", "user-roles")
    )
    suffix = uuid.uuid4().hex[:6]
    names = [f"page-{which}-{suffix}" for which in ("a", "b", "other")]
    for name in names:
        control_plane.kubectl("create", "namespace", name)
    path = tmp_path_factory.mktemp("tenant") / "kubeconfig"
    _tenant_kubeconfig(control_plane, (names[0], names[1]), path)
    made = Tenant(control_plane, (names[0], names[1]), path)
    yield made
    control_plane.kubectl("delete", "namespace", *names, "--wait=false", check=False)
    control_plane.kubectl("delete", "clusterrolebinding", f"pools-{names[0]}", check=False)


@pytest.fixture(scope="module")
def address(tenant: Tenant) -> Iterator[str]:
    """The address that the tenant's `dpojob ui` prints."""
    process = subprocess.Popen(
        [COMMAND, "ui", "--no-browser"], env=tenant.env, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    assert path, "install Debian's chromium for this test"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()
