"""A limit on the time that an HTTP client's connections take in all.

The client's own timeouts hold for one read each, so a server that sends a byte now and then never reaches
them; here every connect, handshake, write and read, of headers, body and redirects, has at most the time
that is left.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpcore2 as httpcore
import httpx2 as httpx

from dpojob_trainer.shared.network_backend import wrap_network_backend


class Deadline:
    """A time by which all has to be done.

    Args:
        seconds: The time that is left, from the construction on.
        error: Makes the error that is raised when no time is left.
    """

    def __init__(self, seconds: float, error: Callable[[], Exception]) -> None:
        """Take the seconds from now on, and what makes the error that is raised after them."""
        self._at = time.monotonic() + seconds
        self._error = error

    def limited(self, timeout: float | None) -> float:
        """Cut a timeout to the time that is left.

        Args:
            timeout: Seconds; None for no other limit than the deadline.

        Returns:
            Seconds, more than zero.

        Raises:
            Exception: The deadline's error, when no time is left.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise self._error()
        return left if timeout is None else min(timeout, left)


def limit_time(client: httpx.Client, deadline: Deadline) -> None:
    """End a client's network operations at a deadline, those through a proxy too.

    Args:
        client: The client.
        deadline: When they end; its error is raised from the client's request, or from reading the body.
    """
    wrap_network_backend(client, lambda network: DeadlineNetwork(network, deadline), proxies=True)


class DeadlineNetwork(httpcore.NetworkBackend):
    """Opens TCP connections that end at a deadline.

    Args:
        network: Opens the connections.
        deadline: When each of their operations ends.
    """

    def __init__(self, network: httpcore.NetworkBackend, deadline: Deadline) -> None:
        """Take what opens the connections, and their deadline."""
        self._network = network
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect as the network does, within the time that is left.

        Args:
            host: The name or address of the host.
            port: The TCP port.
            timeout: Seconds; None for no other limit than the deadline.
            local_address: The address to connect from; None for any.
            socket_options: Options of the socket, as `setsockopt` takes them.

        Returns:
            The connection.

        Raises:
            Exception: The deadline's error, or what the network raises.
        """
        limited = self._deadline.limited(timeout)
        stream = self._network.connect_tcp(host, port, limited, local_address, socket_options)
        return _DeadlineStream(stream, self._deadline)


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose every operation has at most the time that is left."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.limited(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.limited(timeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        limited = self._deadline.limited(timeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, limited)
        return _DeadlineStream(stream, self._deadline)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
