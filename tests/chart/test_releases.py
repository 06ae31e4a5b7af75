"""Install, upgrade, rollback and uninstall by Helm, while DPOJobs exist."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.cluster.helm import CHART, ROOT, Helm
from tests.kit.crds import apply_crds
from tests.kit.operator_fixture import dpojob
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.cluster
BEFORE_CRDS_IN_TEMPLATES = "da91a101d346"
"""The last commit whose chart left the CRDs to Helm's `crds` directory; there is no tag before it."""
CRDS = ("dpojobs.dpojob.dev", "gpupools.dpojob.dev", "costquotas.dpojob.dev")
POOL = {"gpu": {"model": "T4", "memoryGiB": 16}, "hourlyPrice": "1.00"}


class Release:
    """The release `dpojob`, and what it left in the cluster."""

    def __init__(self, control_plane: Any, namespace: str) -> None:
        self.cluster, self.namespace = control_plane, namespace
        self._helm = Helm(control_plane)

    def helm(self, command: str, *arguments: str) -> str:
        return self._helm(command, "dpojob", *arguments, "--namespace", self.namespace)

    def apply(self, chart: Path, *arguments: str) -> str:
        """Without replicas: no node of this cluster could run one, and Helm would wait for it."""
        options = ("--install", "--set", "replicas=0", "--wait", *arguments)
        return self.helm("upgrade", str(chart), *options)

    def kubectl(self, *arguments: str, **options: Any) -> str:
        return str(self.cluster.kubectl(*arguments, **options).stdout)

    def get(self, kind: str, *arguments: str) -> dict[str, Any]:
        return dict(json.loads(self.kubectl("get", kind, *arguments, "-o", "json")))

    def pools(self) -> dict[str, tuple[str, str]]:
        """UID and price by name."""
        return {
            item["metadata"]["name"]: (item["metadata"]["uid"], item["spec"]["hourlyPrice"])
            for item in self.get("gpupools")["items"]
        }

    def prices(self) -> dict[str, str]:
        return {name: price for name, (_, price) in self.pools().items()}

    def job(self) -> tuple[str, Any]:
        """UID and status."""
        job = self.get("dpojob", "tuned", "-n", self.namespace)
        return job["metadata"]["uid"], job.get("status")


@pytest.fixture
def release(control_plane: Any, namespace: str) -> Iterator[Release]:
    """A cluster without our CRDs, which other tests get back afterwards."""

    def without_crds() -> None:
        control_plane.kubectl("delete", "crd", *CRDS, "--ignore-not-found", "--wait=false")
        wait_until(
            lambda: (
                not control_plane.kubectl("get", "crd", *CRDS, "-o", "name", check=False).stdout
            ),
            "the CRDs are gone",
        )

    without_crds()
    yield Release(control_plane, namespace)
    control_plane.kubectl("delete", "gpupools", "--all", check=False)
    Helm(control_plane)("uninstall", "dpojob", "--namespace", namespace, "--ignore-not-found")
    apply_crds(control_plane, ROOT / "crds")


@pytest.fixture
def last_release(tmp_path: Path) -> Path:
    """The chart of the last tag, else of the commit above, with a CRD that lacks a column of today's."""

    def git(*arguments: str) -> bytes:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout

    try:
        tags = git("tag", "--list", "v*", "--sort=-v:refname", "--merged").decode().split()
    except (OSError, subprocess.CalledProcessError):
        tags = []
    commit = tags[0] if tags else BEFORE_CRDS_IN_TEMPLATES
    try:
        archive = git("archive", commit, "charts/dpojob")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"this checkout has no history with {commit}, whose chart is installed first")
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tmp_path, filter="data")
    (crd_file,) = (tmp_path / "charts").rglob("crds/dpojobs.yaml")
    crd = yaml.safe_load(crd_file.read_text())
    crd["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    crd_file.write_text(yaml.safe_dump(crd))
    return tmp_path / "charts/dpojob"


def make_job(release: Release) -> tuple[str, Any]:
    release.kubectl("-n", release.namespace, "apply", "-f", "-", input=json.dumps(dpojob("tuned")))
    status = json.dumps({"status": {"phase": "Training", "observedGeneration": 1}})
    release.kubectl(
        "-n", release.namespace, "patch", "dpojob", "tuned", "--subresource=status",
        "--type=merge", "-p", status,
    )  # fmt: skip
    return release.job()


def columns(release: Release) -> list[str]:
    crd = release.get("crd", CRDS[0])
    return [column["name"] for column in crd["spec"]["versions"][0]["additionalPrinterColumns"]]


def test_the_first_installation_brings_its_pools_and_later_ones_change_them(
    release: Release,
) -> None:
    def apply(*pools: tuple[str, str], **options: str) -> None:
        listed = [{"name": name, "spec": {**POOL, "hourlyPrice": price}} for name, price in pools]
        values = [f"--set={name}={value}" for name, value in options.items()]
        release.apply(CHART, "--set-json", f"pools={json.dumps(listed)}", *values)

    apply(("a", "1.00"), ("b", "2.00"))
    first = release.pools()
    assert release.prices() == {"a": "1.00", "b": "2.00"}

    apply(("a", "1.00"), ("b", "2.50"))
    assert release.prices() == {"a": "1.00", "b": "2.50"}
    assert release.pools()["a"] == first["a"], "a pool that does not change is the same object"

    apply(("a", "1.00"))
    apply(("a", "1.25"))
    assert release.prices() == {"a": "1.25"}, "a pool that is no longer listed is deleted"

    release.helm("rollback", "1", "--wait")
    assert release.prices() == {"a": "1.00", "b": "2.00"}

    apply(("a", "1.00"), **{"crds.keep": "false"})
    release.helm("uninstall")
    wait_until(
        lambda: not release.kubectl("get", "crd", *CRDS, "-o", "name", check=False),
        "the CRDs go with the release",
    )


def test_jobs_and_pools_survive_every_step_from_the_last_release_on(
    release: Release, last_release: Path
) -> None:
    release.apply(last_release)
    job, pools, before = make_job(release), release.pools(), columns(release)
    assert pools and job[1]

    with pytest.raises(AssertionError, match="invalid ownership metadata"):
        release.apply(CHART)
    assert columns(release) == before

    release.apply(CHART, "--take-ownership")
    current = yaml.safe_load((ROOT / "crds/dpojobs.yaml").read_text())["spec"]["versions"][0]
    assert columns(release) == [column["name"] for column in current["additionalPrinterColumns"]]
    assert columns(release) != before
    assert (release.job(), release.pools()) == (job, pools), "after the upgrade"

    release.helm("rollback", "1", "--wait")
    assert (release.job(), release.pools()) == (job, pools), "after the rollback"

    release.apply(CHART)
    release.helm("uninstall")
    assert release.job() == job, "after the uninstall"
    assert release.pools() == {}

    release.apply(CHART)
    assert release.job() == job, "after the next installation"
    assert release.prices() == {name: price for name, (_, price) in pools.items()}
