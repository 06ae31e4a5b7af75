"""Requests through the proxy that the kubeconfig or the environment names."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx2

from dpojob.cluster.kubeconfig import ClusterAccess

from .exchange import SECONDS, Request, Response, Unanswered


class ProxiedTransport:
    """Leaves proxies, and which addresses are reached without one, to httpx2."""

    def __init__(self, access: ClusterAccess) -> None:
        """Nothing is sent yet.

        Args:
            access: The cluster, the user's credentials and the kubeconfig's proxy, which goes before those of the
                environment.

        Raises:
            ValueError: An address is not a valid URL.
        """
        self._server = access.server
        self._extensions = {"sni_hostname": access.tls_name} if access.tls_name else {}
        try:
            self._client = httpx2.AsyncClient(
                verify=access.tls if access.tls is not None else True,
                headers=dict(access.headers),
                proxy=access.proxy,
                trust_env=access.proxy is None,
                limits=httpx2.Limits(max_connections=None),
            )
        except httpx2.InvalidURL as error:
            raise ValueError(str(error)) from error

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[Response]:
        """Sends a request; see `Transport`.

        Args:
            request: The request.

        Yields:
            The response.

        Raises:
            Unanswered: The server or the proxy cannot be reached.
        """
        timeout = httpx2.Timeout(SECONDS, read=request.silence)
        built = self._client.build_request(
            request.method, self._server + request.target, content=request.content or None,
            headers=dict(request.headers), timeout=timeout, extensions=self._extensions,
        )  # fmt: skip
        try:
            response = await self._client.send(built, stream=True)
        except httpx2.HTTPError as error:
            raise Unanswered(_described(error)) from error
        try:
            yield _ProxiedResponse(response)
        finally:
            await response.aclose()


class _ProxiedResponse:
    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.status = response.status_code

    async def read(self) -> bytes:
        try:
            return await self._response.aread()
        except httpx2.HTTPError as error:
            raise Unanswered(_described(error)) from error

    async def chunks(self) -> AsyncGenerator[bytes]:
        try:
            async with aclosing(self._response.aiter_bytes()) as parts:
                async for part in parts:
                    yield part
        except httpx2.HTTPError as error:
            raise Unanswered(_described(error)) from error


def _described(error: httpx2.HTTPError) -> str:
    return str(error) or type(error).__name__
