"""Install, upgrade, rollback and uninstall by Helm, while DPOJobs run.

The operator of each release is a process of this machine, since no node of this cluster runs containers: that of the
last release from its own sources, that of this one as it is here.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.kit.cluster.helm import CHART, Helm
from tests.kit.crds import apply_crds
from tests.kit.last_release import sources as last_release_sources
from tests.kit.operator_fixture import JobNamespace, Process
from tests.kit.repository import ROOT
from tests.kit.waiting import wait_until

from devcluster.control_plane.kwok import node

pytestmark = pytest.mark.cluster
NAME = "dpojob-releases"
"""The name of the release. Other tests of the session apply objects of the chart under the name `dpojob`, which Helm would
refuse to adopt."""
CRDS = ("dpojobs.dpojob.dev", "gpupools.dpojob.dev", "costquotas.dpojob.dev")
POOL = {"gpu": {"model": "T4", "memoryGiB": 16}, "hourlyPrice": "1.00"}
SOURCES = ("api/src", "planner/src", "operator/src")
"""The source folders of the operator's process."""
NAMES = ("trains", "inspects")
"""The names of the jobs that run."""


class Release:
    """The release, and what it left in the cluster."""

    def __init__(self, control_plane: Any, namespace: str) -> None:
        self.cluster, self.namespace = control_plane, namespace
        self._helm = Helm(control_plane)

    def helm(self, command: str, *arguments: str) -> str:
        return self._helm(command, NAME, *arguments, "--namespace", self.namespace)

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


@pytest.fixture
def release(control_plane: Any, namespace: str) -> Iterator[Release]:
    """A cluster without our CRDs, which other tests get back afterwards."""

    def without_crds() -> None:
        control_plane.kubectl("delete", "crd", *CRDS, "--ignore-not-found", "--wait=false")
        names = ("get", "crd", *CRDS, "--ignore-not-found", "-o", "name")
        wait_until(lambda: not control_plane.kubectl(*names).stdout, "the CRDs are gone")

    without_crds()
    yield Release(control_plane, namespace)
    control_plane.kubectl("delete", "gpupools", "--all", check=False)
    Helm(control_plane)("uninstall", NAME, "--namespace", namespace, "--ignore-not-found")
    apply_crds(control_plane, ROOT / "crds")


@pytest.fixture
def last_release(tmp_path: Path) -> Path:
    """Its chart and sources, with a CRD that lacks a column of today's."""
    last_release_sources.unpack(tmp_path)
    (crd_file,) = (tmp_path / "charts").rglob("crds/dpojobs.yaml")
    crd = yaml.safe_load(crd_file.read_text())
    crd["spec"]["versions"][0]["additionalPrinterColumns"].pop()
    crd_file.write_text(yaml.safe_dump(crd))
    return tmp_path


class Running:
    """Two jobs of the release's namespace on a node of their own: one is inspected, the other trains."""

    def __init__(self, release: Release, logs: Path) -> None:
        self.jobs = JobNamespace(release.cluster, release.namespace)
        self._log = logs / "operator.log"
        self._edits = itertools.count()
        labels = {"test": release.namespace}
        item = node(f"node-{release.namespace}", 2, "nvidia.com/gpu", labels)
        release.cluster.add_kwok_node(json.dumps(item))
        self.pool = {"name": release.namespace, "spec": {**POOL, "nodeSelector": labels}}

    @contextmanager
    def operator(self, sources: Path = ROOT) -> Iterator[None]:
        """The operator of these sources, which has passed over both jobs when it is stopped."""
        process = Process(str(self.jobs.cluster.kubeconfig), self.jobs.namespace, self._log)
        paths = (str(sources / source) for source in SOURCES)
        process.environment["PYTHONPATH"] = os.pathsep.join(paths)
        process.start()
        try:
            yield
            for name in NAMES:
                self._wait_for_a_pass(name)
        finally:
            process.stop()
            print(self._log.read_text()[-4000:])

    def _wait_for_a_pass(self, name: str) -> None:
        """An edit that is allowed at any time shows that the operator passes over the job."""
        edit = {"spec": {"ttlSecondsAfterFinished": 10**6 + next(self._edits)}}
        self.jobs.kubectl("patch", "dpojob", name, "--type=merge", "-p", json.dumps(edit))

        def seen() -> bool:
            job = self.jobs.get("dpojob", name) or {}
            return bool(job["status"]["observedGeneration"] == job["metadata"]["generation"])

        self.jobs.until(f"a pass over {name}", seen)

    def begin(self) -> None:
        """Until the one pod inspects, and the other trains."""
        for name in NAMES:
            self.jobs.job(
                name, dataset={"repo": f"tiny/{name}"}, hardware={"pool": self.pool["name"]}
            )
        self.jobs.inspected("trains")
        self.jobs.pod("trains", "train")
        self.jobs.until_condition("trains", "Training", "Starting")
        self.jobs.pod("inspects", "inspect")

    def end(self) -> None:
        """Both jobs go on to their ends."""
        self.jobs.inspected("inspects")
        for name in NAMES:
            self.jobs.trained(name)
            self.jobs.until_condition(name, "Complete", "Completed")

    def state(self) -> Any:
        """The UIDs of the jobs and of all their children, with what they are at."""
        children = [*self.jobs.list("jobs"), *self.jobs.list("pods")]
        uids = {each["metadata"]["name"]: each["metadata"]["uid"] for each in children}
        for name in NAMES:
            job = self.jobs.get("dpojob", name)
            assert job is not None
            uids[name] = job["metadata"]["uid"], job["status"]["phase"]
        return uids


@pytest.fixture
def running(release: Release, tmp_path: Path) -> Iterator[Running]:
    made = Running(release, tmp_path)
    yield made
    release.kubectl(
        "delete", "node", "-l", f"test={release.namespace}", "--wait=false", check=False
    )


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
        lambda: not release.kubectl("get", "crd", *CRDS, "--ignore-not-found", "-o", "name"),
        "the CRDs go with the release",
    )


def test_running_jobs_and_pools_survive_every_step_from_the_last_release_on(
    release: Release, last_release: Path, running: Running
) -> None:
    pools = ("--set-json", f"pools={json.dumps([running.pool])}")
    release.apply(last_release / "charts/dpojob", *pools)
    with running.operator(last_release):
        running.begin()
    installed, before = release.pools(), columns(release)
    state = running.state()
    assert {phase for _, phase in (state[name] for name in NAMES)} == {"Inspecting", "Training"}

    with pytest.raises(AssertionError, match="invalid ownership metadata"):
        release.apply(CHART, *pools)
    assert columns(release) == before

    release.apply(CHART, "--take-ownership", *pools)
    current = yaml.safe_load((ROOT / "crds/dpojobs.yaml").read_text())["spec"]["versions"][0]
    assert columns(release) == [column["name"] for column in current["additionalPrinterColumns"]]
    assert columns(release) != before
    with running.operator():
        pass
    assert (running.state(), release.pools()) == (state, installed), "after the upgrade"

    release.helm("rollback", "1", "--wait")
    with running.operator(last_release):
        pass
    assert (running.state(), release.pools()) == (state, installed), "after the rollback"

    release.apply(CHART, *pools)
    release.helm("uninstall")
    assert running.state() == state, "after the uninstall"
    assert release.pools() == {}

    release.apply(CHART, *pools)
    with running.operator():
        assert running.state() == state, "after the next installation"
        running.end()
    assert release.prices() == {name: price for name, (_, price) in installed.items()}
