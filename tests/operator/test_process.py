"""The process: killed at any moment, stopped in order, cut off from the API server, two replicas."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.kit.operator_fixture import LIMIT, Process, World

pytestmark = pytest.mark.cluster


def address(world: World, process: Process) -> str:
    """Of the process's HTTP server, from its log."""
    found = world.until(
        "the log tells the port",
        lambda: re.search(r"/metrics at \[.*?'0\.0\.0\.0', (\d+)\)", process.log.read_text()),
    )
    return f"http://127.0.0.1:{found[1]}"


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def metric(world: World, process: Process, line: str) -> float:
    _, text = ask(address(world, process) + "/metrics")
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_a_job_completes_although_the_operator_is_killed_repeatedly(
    world: World, operator: Process
) -> None:
    world.job("survivor")
    for stage in ("inspect", "train"):
        operator.stop(signal.SIGKILL)
        operator.start()
        pod = world.pod("survivor", stage)
        operator.stop(signal.SIGKILL)
        if stage == "inspect":
            world.inspected("survivor")
        else:
            assert pod["metadata"]["labels"]["dpojob.dev/attempt"] == "1"
            world.trained("survivor")
        operator.start()
    world.until_condition("survivor", "Complete", "Completed")
    assert len(world.list("jobs", job="survivor", stage="train")) == 1
    assert len(world.list("jobs", job="survivor", stage="inspect")) == 1


def test_a_signal_ends_the_process_with_status_zero(world: World, operator: Process) -> None:
    world.job("any")
    world.pod("any", "inspect")
    assert operator.stop(signal.SIGTERM) == 0


def test_an_invalid_setting_ends_the_process_and_names_the_variable(
    world: World, tmp_path: Path
) -> None:
    process = Process("nowhere", world.namespace, tmp_path / "log", WORKERS="many")
    process.start()
    assert process.process is not None
    assert process.process.wait(LIMIT) == 2
    assert "DPOJOB_OPERATOR_WORKERS" in process.log.read_text()


def test_health_follows_the_listing_and_metrics_the_outcomes(
    world: World, operator: Process
) -> None:
    base = address(world, operator)
    world.until("ready", lambda: ask(base + "/readyz")[0] == 200)
    assert ask(base + "/healthz")[0] == 200
    line = 'dpojob_finished_total{condition="Failed",reason="PoolNotFound"}'
    assert metric(world, operator, line) == 0
    world.job("lost", hardware={"pool": "none"})
    world.inspected("lost")
    world.until_condition("lost", "Failed", "PoolNotFound")
    world.until("it is counted", lambda: metric(world, operator, line) == 1)


def test_it_is_unhealthy_without_an_api_server_and_recovers_with_one(
    world: World, tmp_path: Path
) -> None:
    """The API server is behind a door (a relay process) that is shut, then open."""
    config = json.loads(world.kubectl("config", "view", "--raw", "-o", "json"))
    server = config["clusters"][0]["cluster"]["server"]
    door = Door(server)
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{door.port}"
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(config))
    process = Process(
        str(kubeconfig), world.namespace, tmp_path / "log", RESYNC_SECONDS="1", REQUEST_SECONDS="1"
    )
    try:
        process.start()
        base = address(world, process)
        world.until("ready", lambda: ask(base + "/readyz")[0] == 200)
        door.shut()
        running = process.process
        assert running is not None
        world.until(
            "unwell, or ended with a failure",
            lambda: ask(base + "/healthz")[0] == 503 or running.poll() == 1,
        )
        if running.poll() is None:
            process.stop(signal.SIGKILL)
        door.open()
        process.start()  # as Kubernetes would
        world.job("late")
        world.pod("late", "inspect")
    finally:
        if process.process is not None and process.process.poll() is None:
            process.stop(signal.SIGKILL)
        door.shut()
        print(process.log.read_text()[-4000:])


class Door:
    """A TCP relay that can be shut: connections break, and new ones are refused."""

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
        self.open()

    def open(self) -> None:
        command = [sys.executable, "-c", self.CODE, *self.target, str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def shut(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def replicas(world: World, tmp_path: Path) -> Any:
    """Two operators over one namespace and one Lease, long enough to be renewed on a busy machine."""
    pair = [
        Process(
            str(world.cluster.kubeconfig), world.namespace, tmp_path / f"{name}.log",
            LEADER_ELECTION="true", LEASE_NAMESPACE=world.namespace, LEASE_SECONDS="8",
            REQUEST_SECONDS="5",
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


def leader_and_follower(world: World, pair: list[Process]) -> tuple[Process, Process]:
    def leading() -> list[Process]:
        return [process for process in pair if " leads" in process.log.read_text()]

    (leader,) = world.until("one leads", leading)
    (follower,) = [process for process in pair if process is not leader]
    return leader, follower


@pytest.mark.parametrize("how", [signal.SIGSTOP, signal.SIGTERM])
def test_the_follower_takes_over(
    world: World, replicas: list[Process], how: signal.Signals
) -> None:
    """Killed and cut off: tests/faults/test_faults_two_replicas.py."""
    leader, follower = leader_and_follower(world, replicas)
    world.job("led")
    world.pod("led", "inspect")
    assert leader.process is not None
    leader.process.send_signal(how)
    world.until("the other leads", lambda: " leads" in follower.log.read_text())
    world.inspected("led")
    world.pod("led", "train")
    if how is signal.SIGSTOP:
        leader.process.send_signal(signal.SIGCONT)
        assert leader.process.wait(LIMIT) == 1, "whoever lost the lease must end"
    world.trained("led")
    world.until_condition("led", "Complete", "Completed")
    assert len(world.list("jobs", job="led", stage="train")) == 1
    assert len(world.list("jobs", job="led", stage="inspect")) == 1
