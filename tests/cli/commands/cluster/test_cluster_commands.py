"""The commands on jobs, with a tenant's rights, on a real API server."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import COMMAND, Result, run, run_inside
from tests.kit.cluster.tenant import Tenant, make_tenant
from tests.kit.crds import apply_crds
from tests.kit.waiting import LIMIT

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).resolve().parents[4]
MANIFEST = """
apiVersion: dpojob.dev/v1alpha1
kind: DPOJob
metadata: {name: helpful}
spec:
  model: {repo: org/model}
  dataset: {repo: org/pairs}
"""
RUNNING = {
    "phase": "Training",
    "progress": {
        "stage": "Training", "step": 42, "maxSteps": 100, "loss": 0.5123, "margin": 0.75,
        "accuracy": 0.9, "etaSeconds": 600,
    },
    "cost": {"soFar": "1.25", "estimate": "2.50", "currency": "USD"},
    "plan": {
        "pool": "t4-medium", "method": "lora", "precision": "fp16", "perDeviceBatchSize": 2,
        "gradientAccumulation": 4, "memoryGiB": {"needed": 15.0, "available": 21.8},
        "estimate": {"hours": 2.5, "cost": "2.50"},
    },
    "conditions": [],
}  # fmt: skip


def condition(kind: str, reason: str, message: str, status: str = "True") -> dict[str, str]:
    return {
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }  # fmt: skip


class Cluster:
    """The commands with a tenant's rights, and the operator's part of a job."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.namespace = tenant.namespace
        self.env = tenant.env
        self.kubectl = tenant.admin

    def run(self, command: str, *options: str, stdin: str | None = None) -> Result:
        return run_inside(command, "helpful", *options, env=self.env, stdin=stdin)

    def report(self, **status: Any) -> None:
        patch = json.dumps({"status": status})
        options = ("--subresource=status", "--type=merge", "-p", patch)
        self.kubectl("patch", "dpojob", "helpful", *options)

    def spec(self) -> dict[str, Any]:
        found = json.loads(self.kubectl("get", "dpojob", "helpful", "-o", "json"))
        return dict(found["spec"])


@pytest.fixture(scope="module")
def tenant(control_plane: Any, tmp_path_factory: pytest.TempPathFactory) -> Tenant:
    apply_crds(control_plane, ROOT / "crds")
    name = f"tenant-{uuid.uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    return make_tenant(control_plane, name, tmp_path_factory.mktemp("tenant"))


@pytest.fixture
def cluster_job(tenant: Tenant) -> Iterator[Cluster]:
    used = Cluster(tenant)
    used.kubectl("create", "-f", "-", input=MANIFEST)
    yield used
    used.kubectl("delete", "dpojob", "helpful", "--ignore-not-found")


def test_a_new_job_has_a_status_too(cluster_job: Cluster) -> None:
    result = cluster_job.run("status")
    assert result.code == 0, result.err
    assert f"{cluster_job.namespace}/helpful" in result.out


def test_a_running_job_shows_progress_margin_time_left_and_cost(cluster_job: Cluster) -> None:
    cluster_job.report(**RUNNING)
    result = cluster_job.run("status")
    for part in (
        "42%",
        "step 42/100",
        "margin 0.750",
        "10m left",
        "1.25 of about 2.50 USD",
        "lora",
    ):
        assert part in result.out, part
    assert cluster_job.run("status", "--json").json["progress"]["step"] == 42


def test_a_failed_job_says_why(cluster_job: Cluster) -> None:
    message = "columns chosen and rejected are missing; write columnMapping: {chosen: good}"
    cluster_job.report(phase="Failed", conditions=[condition("Failed", "DatasetInvalid", message)])
    result = cluster_job.run("status")
    assert "DatasetInvalid" in result.out
    assert message in " ".join(result.out.split())
    assert cluster_job.run("status", "--watch").code == 1


def test_a_watch_ends_with_the_job(cluster_job: Cluster) -> None:
    cluster_job.report(**RUNNING)
    watch = subprocess.Popen(
        [COMMAND, "status", "helpful", "--watch"],
        env={**os.environ, **cluster_job.env}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watch.stdout is not None
    assert "step 42/100 (42%)" in watch.stdout.readline()
    done = condition("Complete", "Completed", "The model is in place")
    cluster_job.report(phase="Complete", conditions=[done])
    rest, _ = watch.communicate(timeout=LIMIT)
    assert watch.returncode == 0
    assert "Complete" in rest.splitlines()[-1]


def test_a_watch_of_a_deleted_job_ends(cluster_job: Cluster) -> None:
    cluster_job.report(**RUNNING)
    watch = subprocess.Popen(
        [COMMAND, "status", "helpful", "--watch"],
        env={**os.environ, **cluster_job.env},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watch.stdout is not None
    watch.stdout.readline()
    cluster_job.kubectl("delete", "dpojob", "helpful")
    _, err = watch.communicate(timeout=LIMIT)
    assert watch.returncode == 1
    assert "was deleted" in err


def test_suspend_and_resume_set_the_spec(cluster_job: Cluster) -> None:
    assert cluster_job.run("suspend").code == 0
    assert cluster_job.spec()["suspend"] is True
    assert cluster_job.run("resume").code == 0
    assert cluster_job.spec()["suspend"] is False


def test_cancel_asks_and_then_deletes(cluster_job: Cluster) -> None:
    refused = cluster_job.run("cancel", stdin="y\n")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert cluster_job.spec()
    assert cluster_job.run("cancel", "--yes").code == 0
    assert cluster_job.run("status").code == 2


def test_logs_without_a_pod_say_so(cluster_job: Cluster) -> None:
    result = cluster_job.run("logs")
    assert result.code == 1
    assert "has no pod now" in result.err


def test_a_missing_job_is_kubectls_message_and_a_hint(cluster_job: Cluster) -> None:
    result = run_inside("status", "other", env=cluster_job.env)
    assert result.code == 2
    assert '"other" not found' in result.err
    assert "kubectl get dpo -A" in result.err


def test_as_a_kubectl_plugin_it_calls_itself_one(cluster_job: Cluster) -> None:
    env = {**os.environ, **cluster_job.env}
    env["PATH"] = f"{COMMAND.parent}:{env['PATH']}"
    done = subprocess.run(
        ["kubectl", "dpo", "status", "helpful"],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "helpful" in done.stdout
    usage = subprocess.run(["kubectl", "dpo", "--help"], env=env, capture_output=True, text=True)
    assert usage.stdout.startswith("Usage: kubectl dpo")


def test_lists_in_every_form(cluster_job: Cluster) -> None:
    cluster_job.report(**RUNNING, display={"model": "org/model", "progress": "42%", "cost": "1.25"})
    table = run_inside("list", env=cluster_job.env)
    header, row = table.out.splitlines()
    assert header.split()[:3] == ["NAME", "PHASE", "MODEL"]
    assert row.split()[:5] == ["helpful", "Training", "org/model", "t4-medium", "42%"]
    assert (
        run_inside("list", "-o", "name", env=cluster_job.env).out == "dpojob.dpojob.dev/helpful\n"
    )
    assert [
        job["metadata"]["name"]
        for job in run_inside("list", "-o", "json", env=cluster_job.env).json
    ] == ["helpful"]
    found = yaml.safe_load(run_inside("list", "-o", "yaml", env=cluster_job.env).out)
    assert found[0]["status"]["phase"] == "Training"
    assert run_inside("list", "--phase", "failed", env=cluster_job.env).out.startswith(
        "no jobs in namespace"
    )


def test_a_list_of_all_namespaces_is_refused_to_a_tenant(cluster_job: Cluster) -> None:
    result = run_inside("list", "-A", env=cluster_job.env)
    assert (result.code, "Error from server (Forbidden)" in result.err) == (2, True), result.err


def test_status_in_every_form(cluster_job: Cluster) -> None:
    cluster_job.report(**RUNNING)
    assert cluster_job.run("status", "-o", "json").json["status"]["progress"]["step"] == 42
    assert (
        yaml.safe_load(cluster_job.run("status", "-o", "yaml").out)["metadata"]["name"] == "helpful"
    )
    assert cluster_job.run("status", "-o", "name").out == "dpojob.dpojob.dev/helpful\n"


def test_samples_are_shown_in_full(cluster_job: Cluster) -> None:
    missing = cluster_job.run("samples")
    assert (missing.code, "has no samples yet" in missing.err) == (1, True)
    cluster_job.report(samples=[{"prompt": "Hi?", "before": "b" * 300, "after": "After."}])
    assert cluster_job.run("samples").out.count("b") >= 300
    assert cluster_job.run("samples", "-o", "json").json[0]["after"] == "After."


def test_events_come_in_the_order_of_time(cluster_job: Cluster) -> None:
    uid = json.loads(cluster_job.kubectl("get", "dpojob", "helpful", "-o", "json"))["metadata"][
        "uid"
    ]
    for number, reason in enumerate(("Inspecting", "DatasetInvalid")):
        event = {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": f"e{uid[:6]}.{number}"},
            "involvedObject": {
                "apiVersion": "dpojob.dev/v1alpha1", "kind": "DPOJob", "name": "helpful", "uid": uid,
                "namespace": cluster_job.namespace,
            },
            "reason": reason, "message": "m", "type": "Warning" if number else "Normal", "count": number + 1,
            "lastTimestamp": f"2026-01-0{2 - number}T00:00:00Z",
        }  # fmt: skip
        cluster_job.kubectl("create", "-f", "-", input=json.dumps(event))
    lines = cluster_job.run("events").out.splitlines()
    assert [line.split()[2] for line in lines] == ["REASON", "DatasetInvalid", "Inspecting"]
    assert lines[1].endswith("(x2)")
    assert [e["reason"] for e in cluster_job.run("events", "-o", "json").json] == [
        "DatasetInvalid",
        "Inspecting",
    ]


def test_pools_show_prices_and_need_the_viewers_role(
    cluster_job: Cluster, control_plane: Any, tmp_path: Path
) -> None:
    gpu = {"model": "T4", "memoryGiB": 16}
    pool = {
        "apiVersion": "dpojob.dev/v1alpha1", "kind": "GPUPool", "metadata": {"name": "shown"},
        "spec": {"gpu": gpu, "hourlyPrice": "0.60", "modelSize": {"min": "0", "max": "1B"}},
    }  # fmt: skip
    cluster_job.kubectl("apply", "-f", "-", input=json.dumps(pool))
    row = next(
        line
        for line in run_inside("pools", env=cluster_job.env).out.splitlines()
        if "shown" in line
    )
    assert row.split()[:4] == ["shown", "T4", "16", "GiB"] and "0.60" in row and "0 to 1B" in row
    assert (
        "gpupool.dpojob.dev/shown"
        in run_inside("pools", "-o", "name", env=cluster_job.env).out.split()
    )
    name = f"tenant-{uuid.uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    poor = make_tenant(control_plane, name, tmp_path, pools=False)
    refused = run_inside("pools", env=poor.env)
    assert (refused.code, "dpojob-pool-viewer" in refused.err) == (2, True), refused.err


def test_run_creates_the_job_that_its_options_describe(cluster_job: Cluster) -> None:
    options = (
        "--dataset",
        "my-org/pairs",
        "--from-job",
        "helpful",
        "--epochs",
        "2",
        "--lr",
        "5e-6",
    )
    created = run_inside("run", *options, "--name", "second", "-o", "json", env=cluster_job.env)
    assert created.code == 0, created.err
    assert created.json["spec"]["training"]["epochs"] == 2
    again = run_inside("run", *options, "--name", "second", env=cluster_job.env)
    assert (again.code, "--name" in again.err) == (2, True)
    cluster_job.kubectl("delete", "dpojob", "second")


def test_names_of_jobs_and_pools_are_completed(cluster_job: Cluster) -> None:
    env = {**cluster_job.env, "_DPOJOB_COMPLETE": "complete_bash", "COMP_WORDS": "dpojob status he"}
    assert run(env={**env, "COMP_CWORD": "2"}).out.split() == ["helpful"]
    plugin = subprocess.run(
        [COMMAND.with_name("kubectl_complete-dpo"), "status", "he"],
        env={**os.environ, **cluster_job.env}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert plugin.stdout.split() == ["helpful", ":4"]
