"""status, logs, suspend, resume and cancel with a tenant's rights, on a real API server."""

from __future__ import annotations

import os
import subprocess

import pytest
import yaml
from tests.kit.cli.command_runner import COMMAND, run_inside
from tests.kit.cli.page_jobs import condition
from tests.kit.cli.tenant_job import RUNNING, TenantJob
from tests.kit.waiting import LIMIT

pytestmark = pytest.mark.cluster


def test_a_new_job_has_a_status_too(cluster_job: TenantJob) -> None:
    result = cluster_job.run("status")
    assert result.code == 0, result.err
    assert f"{cluster_job.namespace}/helpful" in result.out


def test_a_running_job_shows_progress_margin_time_left_and_cost(cluster_job: TenantJob) -> None:
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


def test_a_failed_job_says_why(cluster_job: TenantJob) -> None:
    message = "columns chosen and rejected are missing; write columnMapping: {chosen: good}"
    cluster_job.report(phase="Failed", conditions=[condition("Failed", "DatasetInvalid", message)])
    result = cluster_job.run("status")
    assert "DatasetInvalid" in result.out
    assert message in " ".join(result.out.split())
    assert cluster_job.run("status", "--watch").code == 1


def test_a_watch_ends_with_the_job(cluster_job: TenantJob) -> None:
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


def test_run_with_watch_creates_the_job_and_stays_until_it_has_failed(
    cluster_job: TenantJob,
) -> None:
    options = ("--dataset", "my-org/pairs", "--from-job", "helpful", "--name", "watched", "--watch")
    running = subprocess.Popen(
        [COMMAND, "run", *options],
        env={**os.environ, **cluster_job.env}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    created = f"dpojob.dpojob.dev/watched created in namespace {cluster_job.namespace}\n"
    assert [running.stdout.readline() for _ in range(2)] == [created, "watched: Pending\n"]
    failed = condition("Failed", "DatasetInvalid", "no rows")
    cluster_job.report(of="watched", phase="Failed", conditions=[failed])
    rest, _ = running.communicate(timeout=LIMIT)
    assert (running.returncode, rest.startswith("watched: Failed")) == (1, True), rest
    cluster_job.kubectl("delete", "dpojob", "watched")


def test_a_watch_of_a_deleted_job_ends(cluster_job: TenantJob) -> None:
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


def test_suspend_and_resume_set_the_spec(cluster_job: TenantJob) -> None:
    assert cluster_job.run("suspend").code == 0
    assert cluster_job.spec()["suspend"] is True
    assert cluster_job.run("resume").code == 0
    assert cluster_job.spec()["suspend"] is False


def test_cancel_asks_and_then_deletes(cluster_job: TenantJob) -> None:
    refused = cluster_job.run("cancel", stdin="y\n")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert cluster_job.spec()
    assert cluster_job.run("cancel", "--yes").code == 0
    assert cluster_job.run("status").code == 2


def test_changes_print_the_job_in_every_form(cluster_job: TenantJob) -> None:
    assert cluster_job.run("suspend", "-o", "json").json["spec"]["suspend"] is True
    assert yaml.safe_load(cluster_job.run("resume", "-o", "yaml").out)["spec"]["suspend"] is False
    for command in (("suspend",), ("resume",), ("cancel", "--yes")):
        assert cluster_job.run(*command, "-o", "name").out == "dpojob.dpojob.dev/helpful\n"


def test_logs_without_a_pod_say_so(cluster_job: TenantJob) -> None:
    result = cluster_job.run("logs")
    assert result.code == 1
    assert "has no pod now" in result.err


def test_a_missing_job_is_kubectls_message_and_a_hint(cluster_job: TenantJob) -> None:
    result = run_inside("status", "other", env=cluster_job.env)
    assert result.code == 2
    assert '"other" not found' in result.err
    assert "dpojob list -A" in result.err


def test_as_a_kubectl_plugin_it_calls_itself_one(cluster_job: TenantJob) -> None:
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
