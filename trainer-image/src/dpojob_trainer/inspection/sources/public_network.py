"""Connections to public addresses only, so that a user's URL cannot reach a cluster's inner services.

The address that was checked is the one that is connected to, for every redirect anew; a name that
resolves to another address a moment later gains nothing. Where a proxy is configured, the proxy resolves
and connects, and its own rules hold.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

import httpcore2 as httpcore
import httpx2 as httpx

from dpojob_trainer.shared.network_backend import wrap_network_backend

ErrorFactory = Callable[[str], Exception]
"""Makes the error for a host that has no allowed address."""
NAT64 = ip_network("64:ff9b::/96")
LOCAL_NAT64 = ip_network("64:ff9b:1::/48")
"""For translation to any IPv4 address, private ones too (RFC 8215); where in it that stands is the network's choice."""
IPV4_COMPATIBLE = ip_network("::/96")
"""An obsolete form of an IPv4 address (RFC 4291, section 2.5.5.1)."""


def restrict_to_public(
    client: httpx.Client, allowed: Sequence[str], error_for: ErrorFactory
) -> None:
    """Let a client's direct connections reach public addresses only.

    Args:
        client: The client; connections through a configured proxy stay as they are.
        allowed: Host names, addresses and CIDR ranges that may be reached though they are not public.
        error_for: Makes the error for a host that has no allowed address.
    """
    wrap_network_backend(
        client, lambda network: PublicNetwork(network, allowed, error_for), proxies=False
    )


class PublicNetwork(httpcore.NetworkBackend):
    """Opens TCP connections to public addresses and to those that the installation allows.

    Args:
        network: Opens the connections.
        allowed: Host names, addresses and CIDR ranges that may be reached though they are not public.
        error_for: Makes the error for a host that has no allowed address.
    """

    def __init__(
        self, network: httpcore.NetworkBackend, allowed: Sequence[str], error_for: ErrorFactory
    ) -> None:
        """Take what opens connections, what is allowed as well, and the error for a host without an allowed address."""
        self._network = network
        self._allowed = allowed
        self._error_for = error_for

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first allowed address of a host.

        Args:
            host: The name or address of the host.
            port: The TCP port.
            timeout: Seconds for each address; None for no limit.
            local_address: The address to connect from; None for any.
            socket_options: Options of the socket, as `setsockopt` takes them.

        Returns:
            The connection.

        Raises:
            Exception: That of `error_for`, where the host has no allowed address.
            ConnectError: The host is not known, or no address answers.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from None
        addresses = [str(entry[4][0]) for entry in found]
        permitted = [one for one in addresses if is_permitted(host, one, self._allowed)]
        if not permitted:
            raise self._error_for(host)
        for address in permitted[:-1]:
            try:
                return self._network.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._network.connect_tcp(
            permitted[-1], port, timeout, local_address, socket_options
        )


def is_permitted(host: str, address: str, allowed: Sequence[str]) -> bool:
    """Tell whether an address may be connected to.

    Args:
        host: The host name in the URL.
        address: An address that it resolves to.
        allowed: Host names, addresses and CIDR ranges that are allowed as well.

    Returns:
        Whether the address is public or allowed.
    """
    if host.lower().rstrip(".") in allowed:
        return True
    reached = _reached(ip_address(address.partition("%")[0]))
    if reached.is_global and not reached.is_multicast and not _is_local(reached):
        return True
    for entry in allowed:
        try:
            if reached in ip_network(entry, strict=False):
                return True
        except ValueError:
            continue  # a host name
    return False


def _is_local(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address that is global to `ipaddress` may lead into a private network all the same."""
    return isinstance(address, IPv6Address) and (address.is_site_local or address in LOCAL_NAT64)


def _reached(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64 or address in IPV4_COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
