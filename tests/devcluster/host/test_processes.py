import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kit.waiting import wait_until

from devcluster.host.errors import DevclusterError
from devcluster.host.processes import Daemon, Daemons, is_program_running, start_time

SLEEP = Daemon("sleeper", ["sleep", "600"])


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Daemons]:
    made = Daemons(tmp_path)
    yield made
    made.stop(*made.names(), grace=0)


def test_a_running_daemon_is_reused(daemons: Daemons) -> None:
    assert daemons.start(SLEEP) is True
    pid = daemons.pid("sleeper")
    assert daemons.start(SLEEP) is False
    assert daemons.pid("sleeper") == pid


def test_another_process_finds_it_by_its_record(daemons: Daemons, tmp_path: Path) -> None:
    daemons.start(SLEEP)
    assert Daemons(tmp_path).pid("sleeper") == daemons.pid("sleeper")


def test_a_killed_daemon_is_started_again(daemons: Daemons) -> None:
    daemons.start(SLEEP)
    first = daemons.pid("sleeper")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: start_time(first) is None, "the killed process has ended")
    assert daemons.pid("sleeper") is None
    assert daemons.start(SLEEP) is True
    assert daemons.pid("sleeper") not in (None, first)


LINGERING = """
import ctypes, os, pathlib, random, socket, sys, threading, time
port, bound, release = map(pathlib.Path, sys.argv[1:])
first = not port.exists()
while first:
    try:
        # Below the ephemeral range: no outgoing connection takes it between the two processes.
        server = socket.create_server(("127.0.0.1", random.randint(20000, 29999)))
        break
    except OSError:
        pass
def hold():
    while not release.exists():
        time.sleep(0.05)
if first:
    port.write_text(str(server.getsockname()[1]))
    threading.Thread(target=hold).start()
    ctypes.CDLL(None).pthread_exit(None)
server = socket.create_server(("127.0.0.1", int(port.read_text())))
# Renamed when it is complete: the test waits until the file exists, and reads it then.
written = bound.with_suffix(".tmp")
written.write_text(str(os.getpid()))
written.replace(bound)
time.sleep(600)
"""


def test_a_port_is_free_again_before_a_dead_daemon_is_replaced(
    daemons: Daemons, tmp_path: Path
) -> None:
    port, bound, release = tmp_path / "port", tmp_path / "bound", tmp_path / "release"
    command = [sys.executable, "-c", LINGERING, *map(str, (port, bound, release))]
    lingering = Daemon("server", command, ready=bound.exists)
    daemons.start(lingering)
    wait_until(lambda: daemons.pid("server") is None, "its first thread has ended")
    assert serves(int(port.read_text())), "another thread still holds the port"
    timer = threading.Timer(0.5, release.touch)
    timer.start()
    assert daemons.start(lingering) is True
    timer.join()
    daemons.wait(lingering)
    assert bound.read_text() == str(daemons.pid("server"))
    assert "in use" not in daemons.log("server").read_text()


def serves(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_daemon_that_was_dying_when_it_was_found_is_started_once_more(daemons: Daemons) -> None:
    daemons.start(SLEEP)
    first = daemons.pid("sleeper")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    restarted = Daemon(
        SLEEP.name, SLEEP.command, ready=lambda: daemons.pid("sleeper") not in (None, first)
    )
    daemons.wait(restarted)
    assert daemons.pid("sleeper") not in (None, first)


class DyingBetweenReads(Daemons):
    """The named process is found alive once more after it was killed, then gone."""

    dying = ""

    def pid(self, name: str) -> int | None:
        if name == self.dying:
            self.dying = ""
            return 1
        return super().pid(name)


def test_a_process_that_a_signal_is_ending_is_started_again_not_reported(tmp_path: Path) -> None:
    daemons = DyingBetweenReads(tmp_path)
    daemons.start(SLEEP)
    first = daemons.pid("sleeper")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: start_time(first) is None, "the killed process has ended")
    daemons.dying = "sleeper"
    try:
        daemons.wait(
            Daemon(SLEEP.name, SLEEP.command, ready=lambda: daemons.pid("sleeper") is not None)
        )
        assert daemons.pid("sleeper") not in (None, first)
    finally:
        daemons.stop("sleeper", grace=0)


def test_what_a_daemon_needs_is_started_once_more_when_it_dies_meanwhile(daemons: Daemons) -> None:
    store = Daemon("store", ["sleep", "601"])
    daemons.start(store)
    daemons.start(SLEEP)
    first = daemons.pid("store")
    assert first is not None
    os.kill(first, signal.SIGKILL)
    kept = daemons.pid("sleeper")
    serves = Daemon(
        SLEEP.name, SLEEP.command, ready=lambda: daemons.pid("store") not in (None, first)
    )
    daemons.wait(serves, store)
    assert daemons.pid("store") not in (None, first) and daemons.pid("sleeper") == kept


def test_what_a_daemon_needs_and_cannot_run_is_reported_with_its_log(daemons: Daemons) -> None:
    store = Daemon("store", ["sh", "-c", "echo no room left; exit 3"])
    daemons.start(SLEEP)
    never = Daemon(SLEEP.name, SLEEP.command, ready=lambda: False)
    with pytest.raises(
        DevclusterError, match=r"store ended right after its start[\s\S]*no room left"
    ):
        daemons.wait(never, store)


def test_a_changed_command_replaces_it(daemons: Daemons) -> None:
    daemons.start(SLEEP)
    first = daemons.pid("sleeper")
    assert daemons.start(Daemon("sleeper", ["sleep", "601"])) is True
    assert daemons.pid("sleeper") != first


def test_configuration_is_written_for_a_start_and_never_touched_while_it_runs(
    daemons: Daemons, tmp_path: Path
) -> None:
    file = tmp_path / "config"
    daemons.start(Daemon("sleeper", SLEEP.command, files={str(file): "one"}))
    first, written = daemons.pid("sleeper"), file.stat().st_mtime_ns
    daemons.start(Daemon("sleeper", SLEEP.command, files={str(file): "one"}))
    assert (daemons.pid("sleeper"), file.stat().st_mtime_ns) == (first, written)
    daemons.start(Daemon("sleeper", SLEEP.command, files={str(file): "two"}))
    assert daemons.pid("sleeper") != first
    assert file.read_text() == "two"


def test_a_recycled_pid_is_never_touched(daemons: Daemons, tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "600"])
    try:
        record = {"pid": other.pid, "started": "1", "spec": {}}
        (tmp_path / "sleeper.json").write_text(json.dumps(record))
        assert daemons.pid("sleeper") is None
        daemons.stop("sleeper")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_one_that_ends_at_once_is_reported_with_its_log(daemons: Daemons) -> None:
    broken = Daemon("broken", ["sh", "-c", "echo no such flag >&2; exit 3"])
    daemons.start(broken)
    with pytest.raises(DevclusterError, match=r"(?s)broken ended.*no such flag.*What to do"):
        daemons.wait(Daemon("broken", broken.command, ready=lambda: False))


def test_one_that_may_end_several_times_is_restarted_until_it_serves(
    daemons: Daemons, tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    script = f"echo >> {starts}; [ $(wc -l < {starts}) -ge 4 ] && exec sleep 600"
    slow = Daemon(
        "sleeper",
        ["sh", "-c", script],
        ready=lambda: starts.read_text().count("\n") == 4 and daemons.pid("sleeper") is not None,
        restarts=3,
    )
    daemons.start(slow)
    wait_until(starts.exists, "it was started")
    daemons.wait(slow)
    assert daemons.pid("sleeper") is not None


def test_one_that_never_serves_is_reported(daemons: Daemons) -> None:
    hung = Daemon("hung", ["sleep", "600"], ready=lambda: False, timeout=0.2)
    daemons.start(hung)
    with pytest.raises(DevclusterError, match="not ready after"):
        daemons.wait(hung)


def test_one_that_ignores_the_request_to_end_is_killed(daemons: Daemons) -> None:
    script = "trap '' TERM; echo ignores it; while :; do sleep 0.1; done"
    stubborn = Daemon("stubborn", ["sh", "-c", script])
    daemons.start(stubborn)
    wait_until(lambda: "ignores it" in daemons.log("stubborn").read_text(), "it ignores the signal")
    pid = daemons.pid("stubborn")
    assert pid is not None
    daemons.stop("stubborn", grace=0.3)
    assert start_time(pid) is None
    assert daemons.names() == []


def test_a_running_program_is_found_by_its_name(tmp_path: Path) -> None:
    # Another run of this test may go on beside: its program has another name.
    program = tmp_path / f"dpojob-{secrets.token_hex(4)}"
    program.write_text("#!/bin/sh\necho started\nread _\n")
    program.chmod(0o755)
    assert not is_program_running(program.name)
    running = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        # Popen returns before the kernel has set the name of the new program, which its first line follows.
        assert running.stdout is not None and running.stdout.readline() == b"started\n"
        assert is_program_running(program.name)
    finally:
        running.kill()
    # A zombie is no running program.
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)
    assert not is_program_running(program.name)
    running.communicate()
