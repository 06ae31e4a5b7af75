"""HTTP to the API server with the user's credentials, which are read again once they have expired."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import httpx2

from dpojob.errors import CommandError
from dpojob.sanitize import escape

from .api_errors import UNAUTHORIZED, api_error
from .kubeconfig import ClusterAccess

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject

SECONDS = 30.0
"""Longest wait for an answer; watches and logs may stay silent longer."""


class Connection:
    """Requests by path; `close` ends what is open.

    Attributes:
        access: How the API server is reached.
    """

    def __init__(self, load: Callable[[], ClusterAccess]) -> None:
        """Reads the credentials; nothing is sent yet.

        Args:
            load: Finds the cluster and the user's credentials; called again where these have expired, as tokens of
                plugins and of service accounts do within the hour.
        """
        self._load = load
        self._loading = asyncio.Lock()
        self._clients = AsyncExitStack()
        self.access = load()
        self._client = self._open()

    async def close(self) -> None:
        """Closes all connections."""
        await self._clients.aclose()

    async def json(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: JSONObject | None = None,
        content_type: str = "application/json",
    ) -> JSONObject:
        """Sends a request whose answer is one object.

        Args:
            method: The HTTP method.
            path: The path.
            parameters: The query.
            body: The object to send; None for none.
            content_type: Its media type.

        Returns:
            The object.

        Raises:
            ApiError: The API server refuses the request.
            CommandError: It cannot be reached.
        """
        headers = {"Accept": "application/json", "Content-Type": content_type}
        content = None if body is None else json.dumps(body)
        timeout = httpx2.Timeout(SECONDS)
        try:
            answer = await self._send(method, path, parameters, timeout, content, headers)
            try:
                received = await answer.aread()
            finally:
                await answer.aclose()
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        return parse_json(received)

    async def lines(
        self, path: str, parameters: Mapping[str, str], *, silence: float | None = None
    ) -> AsyncGenerator[bytes]:
        """Sends a GET request whose answer comes line by line.

        Args:
            path: The path.
            parameters: The query.
            silence: Seconds without a byte after which the connection counts as broken, as it is when a machine was
                asleep; None for no limit.

        Yields:
            Lines without their ends. Only a line feed ends one: JSON and logs may hold other separators.

        Raises:
            ApiError: The API server refuses the request.
            CommandError: It cannot be reached, or the connection broke.
        """
        timeout = httpx2.Timeout(SECONDS, read=silence)
        buffer = bytearray()
        try:
            answer = await self._send("GET", path, parameters, timeout)
            try:
                async for chunk in answer.aiter_bytes():
                    searched = len(buffer)
                    buffer += chunk
                    end = buffer.rfind(b"\n", searched)
                    if end >= 0:
                        whole = bytes(buffer[:end])
                        del buffer[: end + 1]
                        for line in whole.split(b"\n"):
                            yield line
                if buffer:
                    yield bytes(buffer)
            finally:
                await answer.aclose()
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    async def _send(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None,
        timeout: httpx2.Timeout,
        content: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """The answer before its body is read; an error where it refuses, but for expired credentials."""
        for attempt in range(2):
            client = self._client
            request = client.build_request(
                method, path, params=parameters, content=content, headers=headers, timeout=timeout
            )
            answer = await client.send(request, stream=True)
            if not answer.is_error:
                return answer
            try:
                refusal = api_error(answer.status_code, await answer.aread(), path)
            finally:
                await answer.aclose()
            if answer.status_code != UNAUTHORIZED or attempt:
                break
            await self._renew(client)
        raise refusal

    async def _renew(self, refused: httpx2.AsyncClient) -> None:
        """Reads the credentials again, unless another request has done so since."""
        async with self._loading:
            if self._client is refused:
                self.access = await asyncio.to_thread(self._load)
                self._client = self._open()

    def _open(self) -> httpx2.AsyncClient:
        access = self.access
        client = httpx2.AsyncClient(
            base_url=access.server,
            verify=access.tls if access.tls is not None else True,
            headers=dict(access.headers),
            proxy=access.proxy,
            trust_env=access.proxy is None,
            limits=httpx2.Limits(max_connections=None),
        )
        self._clients.push_async_callback(client.aclose)
        return client

    def _unreachable(self, error: httpx2.HTTPError) -> CommandError:
        detail = str(error) or type(error).__name__
        return CommandError(
            f"the API server {self.access.server} does not answer: {detail}", reason=None
        )


def parse_json(content: bytes) -> JSONObject:
    """Reads an object that the API server sent.

    Args:
        content: Its JSON.

    Returns:
        The object.

    Raises:
        CommandError: It is none, as of a proxy that answers in the API server's place.
    """
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        beginning = content[:200].decode(errors="replace")
        raise CommandError(f"this is no answer of an API server: {escape(beginning)}", reason=None)
    return value
