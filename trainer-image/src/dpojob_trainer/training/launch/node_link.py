"""The connections between the launchers of a set's nodes, kept while the set trains.

Processes on a GPU do not notice that one on another node is gone: they wait in a collective until its timeout,
up to half an hour. Their launchers notice at once, as its launcher's connection closes.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable
from enum import Enum

KEEPALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 3, "TCP_KEEPCNT": 3}
"""Seconds and probes after which a machine that vanished without closing its connections counts as lost: 14 s."""


class PeerEnd(Enum):
    """How the processes of another node end, by a line that its launcher sends."""

    DONE = b"done"
    """All succeeded."""
    STOPPED = b"stopped"
    """A signal stopped them; the processes of this node may be saving a checkpoint."""
    OUT_OF_MEMORY = b"out of memory"
    """A GPU has too little memory for the batch, and the set goes on with a smaller one. It may follow LOST: the
    processes that only wait for another one may end before it."""
    LOST = b"lost"
    """A process failed, or the connection closed without a line, as when the node is gone."""


class NodeLink:
    """The connections of this node's launcher: to all others on the first node, else to the first."""

    def __init__(self, connections: Iterable[socket.socket] = ()) -> None:
        self._connections = list(connections)
        self._received = dict.fromkeys(self._connections, b"")
        """What came on the connections that are open at the other end."""
        self._announced: set[PeerEnd] = set()
        for connection in self._connections:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEPALIVE.items():
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    def ended_peers(self) -> list[PeerEnd]:
        """The ends of other nodes since the last call; does not wait."""
        return [end for connection in list(self._received) for end in self._read(connection)]

    def has_open_peers(self) -> bool:
        """Whether there is a node that may still send an end."""
        return bool(self._received)

    def announce(self, end: PeerEnd) -> None:
        """Tell the other nodes how this one's processes end; the connections stay open."""
        if end in self._announced:
            return
        self._announced.add(end)
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.send(end.value + b"\n")

    def close(self, end: PeerEnd) -> None:
        """Announce the end, unless another one was announced, and close the connections."""
        if not self._announced:
            self.announce(end)
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._received.clear()

    def _read(self, connection: socket.socket) -> list[PeerEnd]:
        """The ends in the lines that came since the last call."""
        try:
            part = connection.recv(64)
        except BlockingIOError:
            return []
        except OSError:
            part = b""
        before = self._received[connection]
        if not part:
            del self._received[connection]
            return [] if before.endswith(b"\n") else [PeerEnd.LOST]
        self._received[connection] = before + part
        lines = self._received[connection].split(b"\n")[before.count(b"\n") : -1]
        return [next((end for end in PeerEnd if end.value == line), PeerEnd.LOST) for line in lines]
