"""Ports for servers that a test starts in another process."""

from __future__ import annotations

import itertools
import random
import socket
from collections.abc import Iterator

PORTS = range(11_000, 20_000)
"""Below net.ipv4.ip_local_port_range and the clusters' own ports, above Kubernetes' well-known ones."""
BLOCK = 100
"""Ports that a test process reserves at once."""
_reservations: list[socket.socket] = []


def _reserved_ports() -> Iterator[int]:
    """Ports of blocks that no other test process of this machine takes ports from."""
    own: list[int] = []
    for first in random.sample(PORTS[::BLOCK], len(PORTS) // BLOCK):
        # An abstract name: it is free again when this process ends, and leaves no file.
        reservation = socket.socket(socket.AF_UNIX)
        try:
            reservation.bind(f"\0dpojob-test-ports-{first}")
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        block = range(first, first + BLOCK)
        own += block
        yield from block
    yield from itertools.cycle(own)


_ports = _reserved_ports()


def free_port() -> int:
    """A port without a listener, which no outgoing connection and no other test gets.

    A server that can choose its own port should bind port 0 instead.
    """
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise RuntimeError("other test processes have reserved every port")
