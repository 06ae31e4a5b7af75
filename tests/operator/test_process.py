"""The process: killed at any moment, stopped in order, cut off from the API server, two replicas."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.kit.cluster.chart_rights import Account
from tests.kit.operator.process_probes import address, ask
from tests.kit.operator_fixture import LIMIT, JobNamespace, Process

pytestmark = pytest.mark.cluster


def metric(job_namespace: JobNamespace, process: Process, line: str) -> float:
    _, text = ask(address(job_namespace, process) + "/metrics")
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_job_completes_although_the_operator_is_killed_repeatedly(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("survivor")
    for stage in ("inspect", "train"):
        operator.stop(signal.SIGKILL)
        operator.start()
        pod = job_namespace.pod("survivor", stage)
        operator.stop(signal.SIGKILL)
        if stage == "inspect":
            job_namespace.inspected("survivor")
        else:
            assert pod["metadata"]["labels"]["dpojob.dev/attempt"] == "1"
            job_namespace.trained("survivor")
        operator.start()
    job_namespace.until_condition("survivor", "Complete", "Completed")
    assert len(job_namespace.list("jobs", job="survivor", stage="train")) == 1
    assert len(job_namespace.list("jobs", job="survivor", stage="inspect")) == 1


def test_a_signal_ends_the_process_with_status_zero(
    job_namespace: JobNamespace, operator: Process
) -> None:
    job_namespace.job("any")
    job_namespace.pod("any", "inspect")
    assert operator.stop(signal.SIGTERM) == 0


def test_an_invalid_setting_ends_the_process_and_names_the_variable(
    job_namespace: JobNamespace, tmp_path: Path
) -> None:
    process = Process("nowhere", job_namespace.namespace, tmp_path / "log", WORKERS="many")
    process.start()
    assert process.process is not None
    assert process.process.wait(LIMIT) == 2
    assert "DPOJOB_OPERATOR_WORKERS" in process.log.read_text()


def test_health_follows_the_listing_and_metrics_the_outcomes(
    job_namespace: JobNamespace, operator: Process
) -> None:
    base = address(job_namespace, operator)
    job_namespace.until("ready", lambda: ask(base + "/readyz")[0] == 200)
    assert ask(base + "/healthz")[0] == 200
    line = 'dpojob_finished_total{condition="Failed",reason="PoolNotFound"}'
    assert metric(job_namespace, operator, line) == 0
    job_namespace.job("lost", hardware={"pool": "none"})
    job_namespace.inspected("lost")
    job_namespace.until_condition("lost", "Failed", "PoolNotFound")
    job_namespace.until("it is counted", lambda: metric(job_namespace, operator, line) == 1)


def test_it_is_unhealthy_without_an_api_server_and_recovers_with_one(
    job_namespace: JobNamespace, account: Account, tmp_path: Path
) -> None:
    """Connections to the API server pass through a relay process that is stopped, then started."""
    config = json.loads(account.kubeconfig.read_text())
    server = config["clusters"][0]["cluster"]["server"]
    relay = Relay(server)
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{relay.port}"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    process = Process(
        str(kubeconfig),
        job_namespace.namespace,
        tmp_path / "log",
        RESYNC_SECONDS="1",
        REQUEST_SECONDS="1",
    )
    try:
        process.start()
        base = address(job_namespace, process)
        job_namespace.until("ready", lambda: ask(base + "/readyz")[0] == 200)
        relay.stop()
        running = process.process
        assert running is not None
        job_namespace.until(
            "unwell, or ended with a failure",
            lambda: ask(base + "/healthz")[0] == 503 or running.poll() == 1,
        )
        if running.poll() is None:
            process.stop(signal.SIGKILL)
        relay.start()
        process.start()  # as Kubernetes would
        job_namespace.job("late")
        job_namespace.pod("late", "inspect")
    finally:
        if process.process is not None and process.process.poll() is None:
            process.stop(signal.SIGKILL)
        relay.stop()
        print(process.log.read_text()[-4000:])


class Relay:
    """A TCP relay that can be stopped: connections break, and new ones are refused."""

    CODE = """
import asyncio, sys
async def pump(r, w):
    try:
        while data := await r.read(65536):
            w.write(data); await w.drain()
    except OSError: pass
    finally: w.close()
async def relay(r, w):
    a, b = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
    await asyncio.gather(pump(r, b), pump(a, w))
async def main():
    server = await asyncio.start_server(relay, "127.0.0.1", int(sys.argv[3]))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

    def __init__(self, server: str) -> None:
        found = re.match(r"https://([^:/]+):(\d+)", server)
        assert found is not None
        self.target = found.groups()
        self.port = 0
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", self.CODE, *self.target, str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def replicas(job_namespace: JobNamespace, own_account: Account, tmp_path: Path) -> Any:
    """Two operators over one namespace and one Lease, long enough to be renewed on a busy machine."""
    pair = [
        Process(
            str(own_account.kubeconfig), job_namespace.namespace, tmp_path / f"{name}.log",
            LEADER_ELECTION="true", LEASE_NAMESPACE=job_namespace.namespace, LEASE_SECONDS="30",
            LEASE_NAME=own_account.name, REQUEST_SECONDS="5",
        )
        for name in ("one", "two")
    ]  # fmt: skip
    for process in pair:
        process.start()
    yield pair
    for process in pair:
        if process.process is not None and process.process.poll() is None:
            process.process.send_signal(signal.SIGCONT)
            process.stop(signal.SIGKILL)
        print(process.log.read_text()[-3000:])


def leader_and_follower(
    job_namespace: JobNamespace, pair: list[Process]
) -> tuple[Process, Process]:
    def leading() -> list[Process]:
        return [process for process in pair if " leads" in process.log.read_text()]

    (leader,) = job_namespace.until("one leads", leading)
    (follower,) = [process for process in pair if process is not leader]
    return leader, follower


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGTERM])
def test_the_follower_takes_over(
    job_namespace: JobNamespace, replicas: list[Process], how: signal.Signals
) -> None:
    """Killed and cut off: tests/faults/test_faults_two_replicas.py."""
    leader, follower = leader_and_follower(job_namespace, replicas)
    job_namespace.job("led")
    job_namespace.pod("led", "inspect")
    assert leader.process is not None
    leader.process.send_signal(how)
    job_namespace.until("the other leads", lambda: " leads" in follower.log.read_text())
    job_namespace.inspected("led")
    job_namespace.pod("led", "train")
    if how is signal.SIGSTOP:
        leader.process.send_signal(signal.SIGCONT)
        assert leader.process.wait(LIMIT) == 1, "whoever lost the lease must end"
    job_namespace.trained("led")
    job_namespace.until_condition("led", "Complete", "Completed")
    assert len(job_namespace.list("jobs", job="led", stage="train")) == 1
    assert len(job_namespace.list("jobs", job="led", stage="inspect")) == 1
