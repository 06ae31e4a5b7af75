"""HTTP to the API server with the user's credentials, which are read again once they have expired."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from dpojob.errors import CommandError
from dpojob.sanitize import escape

from .api_errors import UNAUTHORIZED, api_error
from .kubeconfig import ClusterAccess
from .transport.choice import open_transport
from .transport.exchange import Request, Response, Transport, Unanswered

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject

FIRST_ERROR = 400
"""The least HTTP status of an error."""


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
        self._transports = AsyncExitStack()
        self.access = load()
        self._transport = self._open()

    async def close(self) -> None:
        """Closes all connections."""
        await self._transports.aclose()

    async def json(
        self,
        method: str,
        path: str,
        *,
        parameters: Mapping[str, str] | None = None,
        body: JSONObject | None = None,
        content_type: str = "application/json",
    ) -> JSONObject:
        """Sends a request whose response is one object.

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
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": content_type,
        }
        content = b"" if body is None else json.dumps(body).encode()
        request = Request(method, _target(path, parameters), headers, content)
        async with self._respond(request, path) as response:
            try:
                received = await response.read()
            except Unanswered as error:
                raise self._unreachable(error) from error
        return parse_json(received)

    async def lines(
        self, path: str, parameters: Mapping[str, str], *, silence: float | None = None
    ) -> AsyncGenerator[bytes]:
        """Sends a GET request whose response comes line by line.

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
        request = Request("GET", _target(path, parameters), silence=silence)
        buffer = bytearray()
        async with self._respond(request, path) as response, aclosing(response.chunks()) as chunks:
            try:
                async for chunk in chunks:
                    searched = len(buffer)
                    buffer += chunk
                    end = buffer.rfind(b"\n", searched)
                    if end >= 0:
                        whole = bytes(buffer[:end])
                        del buffer[: end + 1]
                        for line in whole.split(b"\n"):
                            yield line
            except Unanswered as error:
                raise self._unreachable(error) from error
            if buffer:
                yield bytes(buffer)

    @asynccontextmanager
    async def _respond(self, request: Request, path: str) -> AsyncIterator[Response]:
        """The response before its body is read; raises an error status, but for expired credentials the first time."""
        for repeated in (False, True):
            transport = self._transport
            async with AsyncExitStack() as sending:
                try:
                    response = await sending.enter_async_context(transport.send(request))
                    rejection = None
                    if response.status >= FIRST_ERROR:
                        rejection = api_error(response.status, await response.read(), path)
                except Unanswered as error:
                    raise self._unreachable(error) from error
                if rejection is None:
                    yield response
                    return
            if rejection.status != UNAUTHORIZED or repeated:
                raise rejection
            await self._renew(transport)

    async def _renew(self, refused: Transport) -> None:
        """Reads the credentials again, unless another request has done so since."""
        async with self._loading:
            if self._transport is refused:
                self.access = await asyncio.to_thread(self._load)
                self._transport = self._open()

    def _open(self) -> Transport:
        transport = open_transport(self.access)
        self._transports.push_async_callback(transport.close)
        return transport

    def _unreachable(self, error: Unanswered) -> CommandError:
        return CommandError(
            f"the API server {self.access.server} does not answer: {error}", reason=None
        )


def _target(path: str, parameters: Mapping[str, str] | None) -> str:
    """Path and query, encoded: a name that a user mistyped stays one part of the path."""
    encoded = quote(path, safe="/:")
    return f"{encoded}?{urlencode(parameters)}" if parameters else encoded


def parse_json(content: bytes) -> JSONObject:
    """Reads an object that the API server sent.

    Args:
        content: Its JSON.

    Returns:
        The object.

    Raises:
        CommandError: It is not an object, such as when a proxy answers in the API server's place.
    """
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        beginning = content[:200].decode(errors="replace")
        raise CommandError(f"this is no answer of an API server: {escape(beginning)}", reason=None)
    return value
