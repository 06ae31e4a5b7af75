"""The rendezvous of a set's nodes, before a training process starts on any of them.

torchrun's rendezvous would take a restarted node into a set that is just ending, resolve the
first node's name only once, and give up on nodes that wait for a GPU. Here the first node waits for
all others, and then sends each the id and port of a fresh set. After that it accepts no connection,
so that a node that comes too late finds the next rendezvous.
"""

from __future__ import annotations

import contextlib
import json
import logging
import random
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from dpojob_api.conditions import Reason
from dpojob_trainer.training.setup.errors import Interrupted, TrainingError

from .node_link import NodeLink

log = logging.getLogger(__name__)
JOIN_SECONDS = 1800.0
"""How long a node waits for the others: they may still need an image or a GPU."""
POLL_SECONDS = 1.0
"""How often a waiting node checks whether it is to stop."""
LINE_SECONDS = 10.0
"""How long a connection may take to send its line."""
LINE_BYTES = 4096
STORE_PORTS = range(20_000, 32_768)
"""Ports for torch.distributed's store: below the range from which the kernel gives outgoing connections theirs.

A process listens on the port only after it has imported torch. Until then a connection of any process of this
machine could get a port of that range.
"""


@dataclass(frozen=True)
class Rendezvous:
    """Where the processes of a complete set find each other."""

    run_id: str
    """Identifies this set; another set of the same job has another id."""
    address: str
    """The first node's address."""
    port: int
    """The port of torch.distributed's store on the first node."""
    link: NodeLink = field(compare=False)
    """The connections by which the nodes met; they stay open while the set trains."""


def host(
    port: int, nodes: int, key: str, is_stopped: Callable[[], bool], seconds: float = JOIN_SECONDS
) -> Rendezvous:
    """On the first node: wait for all others.

    Raises TrainingError when they do not join in time, and Interrupted when `is_stopped`.
    """
    deadline = time.monotonic() + seconds
    others: dict[int, socket.socket] = {}
    try:
        with _listen(port) as server:
            server.settimeout(POLL_SECONDS)
            while len(others) < nodes - 1:
                _raise_if_stopped(is_stopped)
                if time.monotonic() > deadline:
                    missing = sorted(set(range(1, nodes)) - others.keys())
                    raise _timed_out(f"nodes {missing} of {nodes} did not join", seconds)
                _accept(server, nodes, key, others)
                for node in [n for n, connection in others.items() if _is_closed(connection)]:
                    log.warning("node %d closed its connection before all nodes had joined", node)
                    others.pop(node).close()
        run_id, free = uuid.uuid4().hex, free_port()
        line = json.dumps({"run": run_id, "port": free}).encode() + b"\n"
        for connection in others.values():
            connection.sendall(line)
    except BaseException:
        for connection in others.values():
            connection.close()
        raise
    log.info("all %d nodes have joined", nodes)
    return Rendezvous(run_id, "127.0.0.1", free, NodeLink(others.values()))


def join(
    address: str,
    port: int,
    node: int,
    key: str,
    is_stopped: Callable[[], bool],
    seconds: float = JOIN_SECONDS,
) -> Rendezvous:
    """On any other node: connect to the first one and wait until all have joined.

    Raises the same errors as `host`.
    """
    deadline = time.monotonic() + seconds
    hello = json.dumps({"key": key, "node": node}).encode() + b"\n"
    while time.monotonic() <= deadline:
        _raise_if_stopped(is_stopped)
        try:
            # The name is resolved anew each time: the first node's pod may be another one by now.
            connection = socket.create_connection((address, port), LINE_SECONDS)
            with contextlib.ExitStack() as closing:
                closing.enter_context(connection)
                connection.sendall(hello)
                line = _read_line(connection, is_stopped, deadline)
                if line:
                    answer = json.loads(line)
                    first = connection.getpeername()[0]
                    closing.pop_all()
                    return Rendezvous(answer["run"], first, answer["port"], NodeLink([connection]))
        except (OSError, ValueError, KeyError) as error:
            log.debug("the first node does not answer yet: %s", error)
        time.sleep(POLL_SECONDS)
    raise _timed_out(f"node {node} could not reach the first node at {address}:{port}", seconds)


def free_port() -> int:
    """A port of STORE_PORTS that no process of this machine uses."""
    for port in random.sample(STORE_PORTS, len(STORE_PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")


def _accept(server: socket.socket, nodes: int, key: str, others: dict[int, socket.socket]) -> None:
    """Accept one more connection, if there is one, and reject it unless it is a node of this set."""
    try:
        connection, _ = server.accept()
    except TimeoutError:
        return
    try:
        line = _read_line(connection, lambda: False, time.monotonic() + LINE_SECONDS)
        hello = json.loads(line)
        node = int(hello["node"])
        if hello["key"] != key or not 0 < node < nodes:
            raise ValueError("a node of another set")
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("rejected a connection that is no node of this set: %s", error)
        connection.close()
        return
    if node in others:
        others.pop(node).close()
    others[node] = connection


def _read_line(connection: socket.socket, is_stopped: Callable[[], bool], deadline: float) -> bytes:
    """One line from the other side; empty where it closed the connection or sent nothing in time."""
    connection.settimeout(POLL_SECONDS)
    line = b""
    while not line.endswith(b"\n") and len(line) < LINE_BYTES and time.monotonic() <= deadline:
        _raise_if_stopped(is_stopped)
        try:
            received = connection.recv(LINE_BYTES)
        except TimeoutError:
            continue
        if not received:
            return b""
        line += received
    return line


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(LINE_SECONDS)


def _raise_if_stopped(is_stopped: Callable[[], bool]) -> None:
    if is_stopped():
        raise Interrupted


def _timed_out(what: str, seconds: float) -> TrainingError:
    return TrainingError(
        Reason.TRAINING_FAILED,
        f"{what} within {seconds / 60:.0f} minutes. `kubectl get pods` shows what the missing pod waits "
        "for: a free GPU, its image, or a volume that only one node may mount.",
    )


def _listen(port: int) -> socket.socket:
    """Listen on IPv4 and IPv6 where the machine has both, as a cluster may use either."""
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))
