"""TLS with the kubeconfig's authority and the user's client certificate, over both transports' real connections."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from devcluster.control_plane.certificates import Authority
from dpojob.cluster.api import Api
from dpojob.cluster.kubeconfig import load_access
from dpojob.cluster.resources import DPOJOBS
from dpojob.errors import CommandError

JOB = {"metadata": {"name": "helpful"}}


@asynccontextmanager
async def tls_server(
    authority: Authority, users: list[str], host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """Answers each request with the job; the common names of its clients are added to `users`."""
    pair = authority.issue("server", "server", hosts=(host,))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    context.load_cert_chain(pair.certificate, pair.key)
    context.verify_mode = ssl.CERT_OPTIONAL

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        certificate: Any = writer.get_extra_info("peercert")
        subject = dict(pairs[0] for pairs in certificate["subject"]) if certificate else {}
        users.append(subject.get("commonName", ""))
        body = json.dumps(JOB).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def write(path: Path, port: int, cluster: dict[str, Any], user: dict[str, Any]) -> None:
    config = {
        "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }  # fmt: skip
    path.write_text(json.dumps(config))


@pytest.mark.parametrize("proxies", [{}, {"https_proxy": "http://127.0.0.1:1", "no_proxy": "*"}])
async def test_the_client_certificate_says_who_asks(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxies: dict[str, str]
) -> None:
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
    authority, users = Authority(tmp_path / "pki"), list[str]()
    pair = authority.issue("alice", "alice")
    trust = {"certificate-authority": str(authority.certificate)}
    own = {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
    async with tls_server(authority, users) as port:
        for user in (own, {"token": "t"}):
            write(kubeconfig, port, trust, user)
            async with Api(load_access) as api:
                assert await api.get(DPOJOBS, "helpful") == JOB
    assert users == ["alice", ""]


@pytest.mark.parametrize("proxies", [{}, {"https_proxy": "http://127.0.0.1:1", "no_proxy": "*"}])
async def test_the_kubeconfig_may_name_the_server_of_the_certificate(
    kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxies: dict[str, str]
) -> None:
    for name, value in proxies.items():
        monkeypatch.setenv(name, value)
    authority = Authority(tmp_path / "pki")
    trust = {"certificate-authority": str(authority.certificate)}
    async with tls_server(authority, [], "kubernetes.internal") as port:
        write(kubeconfig, port, trust, {})
        async with Api(load_access) as api:
            with pytest.raises(CommandError, match="CERTIFICATE_VERIFY_FAILED"):
                await api.get(DPOJOBS, "helpful")
        write(kubeconfig, port, {**trust, "tls-server-name": "kubernetes.internal"}, {})
        async with Api(load_access) as api:
            assert await api.get(DPOJOBS, "helpful") == JOB


async def test_a_server_of_another_authority_is_refused_unless_the_kubeconfig_says_otherwise(
    kubeconfig: Path, tmp_path: Path
) -> None:
    authority, other = Authority(tmp_path / "pki"), Authority(tmp_path / "other")
    async with tls_server(authority, []) as port:
        write(kubeconfig, port, {"certificate-authority": str(other.certificate)}, {})
        async with Api(load_access) as api:
            with pytest.raises(CommandError, match="CERTIFICATE_VERIFY_FAILED"):
                await api.get(DPOJOBS, "helpful")
        write(kubeconfig, port, {"insecure-skip-tls-verify": True}, {})
        async with Api(load_access) as api:
            assert await api.get(DPOJOBS, "helpful") == JOB
