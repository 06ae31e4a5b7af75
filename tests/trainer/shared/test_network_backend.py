"""A wrapped network backend opens the connections of a client, those to its proxies where that is asked for."""

from __future__ import annotations

import httpcore2 as httpcore
import httpx2 as httpx
import pytest

from dpojob_trainer.shared.network_backend import wrap_network_backend


class Refusing(httpcore.NetworkBackend):
    """Notes where connections would go, and opens none."""

    def __init__(self, hosts: list[str]) -> None:
        self._hosts = hosts

    def connect_tcp(self, host: str, *_: object, **__: object) -> httpcore.NetworkStream:
        self._hosts.append(host)
        raise httpcore.ConnectError("refused by the test")


@pytest.mark.parametrize(
    ("proxies", "expected"), [(False, ["direct.test"]), (True, ["direct.test", "127.0.0.1"])]
)
def test_connections_are_opened_by_the_wrapped_backend(
    proxies: bool, expected: list[str], unused_tcp_port: int
) -> None:
    wrapped: list[httpcore.NetworkBackend] = []
    hosts: list[str] = []

    def wrap(network: httpcore.NetworkBackend) -> httpcore.NetworkBackend:
        wrapped.append(network)
        return Refusing(hosts)

    proxy = httpx.HTTPTransport(proxy=f"http://127.0.0.1:{unused_tcp_port}")
    mounts = {"http://by-proxy.test": proxy, "http://without.test": None}
    with httpx.Client(mounts=mounts, trust_env=False) as client:
        wrap_network_backend(client, wrap, proxies=proxies)
        for address in ("http://direct.test/", "http://by-proxy.test/"):
            with pytest.raises(httpx.ConnectError):
                client.get(address)
    assert hosts == expected
    assert len(wrapped) == len(expected)
    assert all(isinstance(each, httpcore.NetworkBackend) for each in wrapped)
