"""Ports for servers that a test starts in another process."""

from __future__ import annotations

import itertools
import random
import socket

PORTS = range(11_000, 20_000)
"""Below net.ipv4.ip_local_port_range and the clusters' own ports, above Kubernetes' well-known ones."""
_ports = itertools.cycle(random.sample(PORTS, len(PORTS)))


def free_port() -> int:
    """A port without a listener, which no outgoing connection and no other test of this process gets.

    A server that can choose its own port should bind port 0 instead.
    """
    for port in _ports:
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
