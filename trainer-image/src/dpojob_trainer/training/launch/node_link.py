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
    """How the processes of another node ended, by the line that its launcher sends last."""

    DONE = b"done\n"
    """All succeeded."""
    STOPPED = b"stopped\n"
    """A signal stopped them; the processes of this node may be saving a checkpoint."""
    LOST = b""
    """The connection closed without a line: a process failed, or the node is gone."""


class NodeLink:
    """The connections of this node's launcher: to all others on the first node, else to the first."""

    def __init__(self, connections: Iterable[socket.socket] = ()) -> None:
        self._received = dict.fromkeys(connections, b"")
        for connection in self._received:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEPALIVE.items():
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    def ended_peers(self) -> list[PeerEnd]:
        """The ends of other nodes since the last call; does not wait."""
        found = []
        for connection in list(self._received):
            end = self._read(connection)
            if end is not None:
                del self._received[connection]
                connection.close()
                found.append(end)
        return found

    def close(self, end: PeerEnd) -> None:
        """Tell the other nodes how this one's processes ended."""
        for connection in self._received:
            with contextlib.suppress(OSError):
                connection.send(end.value)
            connection.close()
        self._received.clear()

    def _read(self, connection: socket.socket) -> PeerEnd | None:
        """The other node's end; None while it trains."""
        try:
            part = connection.recv(64)
        except BlockingIOError:
            return None
        except OSError:
            return PeerEnd.LOST
        self._received[connection] += part
        line = self._received[connection]
        if part and not line.endswith(b"\n"):
            return None
        return next((end for end in PeerEnd if end.value == line), PeerEnd.LOST)
