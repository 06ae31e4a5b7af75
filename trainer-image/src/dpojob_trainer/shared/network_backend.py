"""What opens the TCP connections of an HTTP client: a network backend, which httpx gives its pools no argument for."""

from __future__ import annotations

from collections.abc import Callable

import httpcore2 as httpcore
import httpx2 as httpx

Wrap = Callable[[httpcore.NetworkBackend], httpcore.NetworkBackend]
"""Makes a backend that opens its connections by the given one."""


def wrap_network_backend(client: httpx.Client, wrap: Wrap, *, proxies: bool) -> None:
    """Replace what opens a client's connections, by private names of httpx.

    A transport of our own would keep httpx from taking a proxy from the environment.

    Args:
        client: The client, which has sent nothing yet.
        wrap: Makes the new backend of a pool from its present one.
        proxies: Whether connections to proxies are opened by it too; else direct ones alone.
    """
    transports = [client._transport, *(client._mounts.values() if proxies else ())]
    for transport in transports:
        if transport is not None:
            pool = transport._pool
            pool._network_backend = wrap(pool._network_backend)
