import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.host.errors import DevclusterError
from devcluster.host.processes import Daemon, Daemons, start_time

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
    while start_time(first) is not None:
        time.sleep(0.01)
    assert daemons.pid("sleeper") is None
    assert daemons.start(SLEEP) is True
    assert daemons.pid("sleeper") not in (None, first)


LINGERING = """
import ctypes, os, pathlib, socket, sys, threading, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
bound = pathlib.Path(sys.argv[2])
first = not bound.exists()
bound.write_text(str(os.getpid()))
if first:
    threading.Thread(target=time.sleep, args=(1.5,)).start()
    ctypes.CDLL(None).pthread_exit(None)
time.sleep(600)
"""


def test_a_port_is_free_again_before_a_dead_daemon_is_replaced(
    daemons: Daemons, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bound = tmp_path / "bound"
    command = [sys.executable, "-c", LINGERING, str(port), str(bound)]
    lingering = Daemon(
        "server", command, ready=lambda: bound.read_text() == str(daemons.pid("server"))
    )
    daemons.start(lingering)
    while daemons.pid("server") is not None:
        time.sleep(0.01)
    # Its first thread has ended, and another one still holds the port.
    assert serves(port)
    assert daemons.start(lingering) is True
    daemons.wait(lingering)
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
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        record = {"pid": stranger.pid, "started": "1", "spec": {}}
        (tmp_path / "sleeper.json").write_text(json.dumps(record))
        assert daemons.pid("sleeper") is None
        daemons.stop("sleeper")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_one_that_ends_at_once_is_reported_with_its_log(daemons: Daemons) -> None:
    broken = Daemon("broken", ["sh", "-c", "echo no such flag >&2; exit 3"])
    daemons.start(broken)
    with pytest.raises(DevclusterError, match=r"(?s)broken ended.*no such flag.*What to do"):
        daemons.wait(Daemon("broken", broken.command, ready=lambda: False))


def test_one_that_never_serves_is_reported(daemons: Daemons) -> None:
    hung = Daemon("hung", ["sleep", "600"], ready=lambda: False, timeout=0.2)
    daemons.start(hung)
    with pytest.raises(DevclusterError, match="not ready after"):
        daemons.wait(hung)


def test_one_that_ignores_the_request_to_end_is_killed(daemons: Daemons) -> None:
    stubborn = Daemon("stubborn", ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"])
    daemons.start(stubborn)
    pid = daemons.pid("stubborn")
    assert pid is not None
    daemons.stop("stubborn", grace=0.3)
    assert start_time(pid) is None
    assert daemons.names() == []
