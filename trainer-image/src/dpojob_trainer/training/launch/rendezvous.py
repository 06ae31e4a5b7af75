"""The gate: the nodes of a set meet here before torchrun starts on any of them.

torchrun's own rendezvous would take a restarted node into a set that is just ending, resolve the
first node's name once only, and give up on nodes that wait for a GPU. Here the first node waits for
all others, and then tells each the name and port of a fresh set; a gate that is closed lets nobody
in, so a node that comes too late finds the next one.
"""

from __future__ import annotations

import json
import logging
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from dpojob_api.conditions import Reason
from dpojob_trainer.training.setup.errors import Failure, Interrupted

log = logging.getLogger(__name__)
JOIN_SECONDS = 1800.0
"""A node may wait so long for the others: they may still need an image or a GPU."""
LOOK_SECONDS = 1.0
"""How often a waiting node looks whether it is to stop."""
TALK_SECONDS = 10.0
"""The other side may take so long to say its line."""
LINE_BYTES = 4096


@dataclass(frozen=True)
class Meeting:
    """Where the processes of a set that has gathered find each other."""

    run: str
    """Names this set; another set of the same job has another name."""
    address: str
    """Of the first node."""
    port: int
    """Of torchrun's store on the first node."""


def gather(
    port: int, nodes: int, key: str, stopped: Callable[[], bool], seconds: float = JOIN_SECONDS
) -> Meeting:
    """On the first node: wait for all others. Raises Failure when they do not come, Interrupted when
    `stopped`."""
    deadline = time.monotonic() + seconds
    others: dict[int, socket.socket] = {}
    try:
        with _listen(port) as server:
            server.settimeout(LOOK_SECONDS)
            while len(others) < nodes - 1:
                _look(stopped)
                if time.monotonic() > deadline:
                    missing = sorted(set(range(1, nodes)) - others.keys())
                    raise _late(f"nodes {missing} of {nodes} did not join", seconds)
                _let_in(server, nodes, key, others)
                for node in [node for node, there in others.items() if _hung_up(there)]:
                    log.warning("node %d left before all had come", node)
                    others.pop(node).close()
        meeting = Meeting(uuid.uuid4().hex, "127.0.0.1", _free_port())
        line = json.dumps({"run": meeting.run, "port": meeting.port}).encode() + b"\n"
        for there in others.values():
            there.sendall(line)
    finally:
        for there in others.values():
            there.close()
    log.info("all %d nodes have come", nodes)
    return meeting


def enter(
    address: str,
    port: int,
    node: int,
    key: str,
    stopped: Callable[[], bool],
    seconds: float = JOIN_SECONDS,
) -> Meeting:
    """On any other node: find the first one and wait until all have come. Raises as `gather` does."""
    deadline = time.monotonic() + seconds
    hello = json.dumps({"key": key, "node": node}).encode() + b"\n"
    while time.monotonic() <= deadline:
        _look(stopped)
        try:
            # The name is resolved anew each time: the first node's pod may be another by now.
            with socket.create_connection((address, port), TALK_SECONDS) as there:
                there.sendall(hello)
                answer = _line(there, stopped, deadline)
                if answer:
                    told = json.loads(answer)
                    return Meeting(told["run"], there.getpeername()[0], told["port"])
        except (OSError, ValueError, KeyError) as error:
            log.debug("the first node is not there yet: %s", error)
        time.sleep(LOOK_SECONDS)
    raise _late(f"node {node} could not reach the first node at {address}:{port}", seconds)


def _let_in(server: socket.socket, nodes: int, key: str, others: dict[int, socket.socket]) -> None:
    """Take one more node in, if one knocks. A stranger, or a node of another job, is turned away."""
    try:
        there, _ = server.accept()
    except TimeoutError:
        return
    try:
        told = json.loads(_line(there, lambda: False, time.monotonic() + TALK_SECONDS))
        node = int(told["node"])
        if told["key"] != key or not 0 < node < nodes:
            raise ValueError("another set's node")
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("somebody at the gate is no node of this set: %s", error)
        there.close()
        return
    if node in others:
        others.pop(node).close()
    others[node] = there


def _line(there: socket.socket, stopped: Callable[[], bool], deadline: float) -> bytes:
    """One line from the other side; empty when it hung up or nothing came in time."""
    there.settimeout(LOOK_SECONDS)
    text = b""
    while not text.endswith(b"\n") and len(text) < LINE_BYTES and time.monotonic() <= deadline:
        _look(stopped)
        try:
            more = there.recv(LINE_BYTES)
        except TimeoutError:
            continue
        if not more:
            return b""
        text += more
    return text


def _hung_up(there: socket.socket) -> bool:
    there.setblocking(False)
    try:
        return there.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        there.settimeout(TALK_SECONDS)


def _look(stopped: Callable[[], bool]) -> None:
    if stopped():
        raise Interrupted


def _late(what: str, seconds: float) -> Failure:
    return Failure(
        Reason.TRAINING_FAILED,
        f"{what} within {seconds / 60:.0f} minutes. `kubectl get pods` shows what the missing pod waits "
        "for: a free GPU, its image, or a volume that only one node may mount.",
    )


def _free_port() -> int:
    with socket.create_server(("", 0)) as server:
        return int(server.getsockname()[1])


def _listen(port: int) -> socket.socket:
    """On both families where there are both, as a cluster may have either."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
