"""Requests over connections of asyncio's own; h11 writes and reads HTTP/1.1."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

import h11

from dpojob.cluster.kubeconfig import ClusterAccess

from .exchange import SECONDS, Request, Response, Unanswered

CHUNK = 2**18
"""Bytes that are read at once."""
IDLE_SECONDS = 5.0
"""How long an unused connection is kept; API servers and the balancers before them keep theirs far longer."""
HAPPY_EYEBALLS_SECONDS = 0.25
"""How long one of a host's addresses may take before the next is tried beside it (RFC 8305, section 5)."""
DEFAULT_PORTS = {"http": 80, "https": 443}
GZIP = 16 + zlib.MAX_WBITS
"""zlib's sign of the format gzip."""
Result = TypeVar("Result")


class DirectTransport:
    """Keeps a connection for the next request for a moment; as many are open as requests run at once."""

    def __init__(self, access: ClusterAccess) -> None:
        """Nothing is sent yet.

        Args:
            access: The cluster and the user's credentials.

        Raises:
            ValueError: Its address is not a valid URL.
        """
        address = urlsplit(access.server)
        if address.scheme not in DEFAULT_PORTS or not address.hostname:
            raise ValueError("it needs https:// and a host")
        self._host = address.hostname
        self._port = address.port or DEFAULT_PORTS[address.scheme]
        self._base = address.path
        self._tls = access.tls
        self._tls_name = access.tls_name or self._host
        self._headers = {
            "Host": address.netloc.rpartition("@")[2],
            "User-Agent": "dpojob",
            **access.headers,
        }
        self._idle: list[tuple[float, _Link]] = []

    async def close(self) -> None:
        """Closes the connections that are kept."""
        while self._idle:
            self._idle.pop()[1].abort()

    @asynccontextmanager
    async def send(self, request: Request) -> AsyncIterator[Response]:
        """Sends a request; see `Transport`.

        Args:
            request: The request.

        Yields:
            The response.

        Raises:
            Unanswered: The server cannot be reached, or the connection broke.
        """
        link = self._kept() or await self._connect()
        headers = {**self._headers, **request.headers}
        if request.content:
            headers["Content-Length"] = str(len(request.content))
        target = self._base + request.target
        try:
            await link.write(request.method, target, [*headers.items()], request.content)
            yield await link.response(request.silence)
        except BaseException:
            link.abort()
            raise
        if link.ready_for_another():
            self._idle.append((time.monotonic(), link))
        else:
            link.abort()

    def _kept(self) -> _Link | None:
        while self._idle:
            since, link = self._idle.pop()
            if time.monotonic() - since < IDLE_SECONDS and link.open():
                return link
            link.abort()
        return None

    async def _connect(self) -> _Link:
        name = self._tls_name if self._tls is not None else None
        # Other event loops, such as uvloop that serves the page where it is installed, refuse the argument.
        options = {}
        if isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
            options["happy_eyeballs_delay"] = HAPPY_EYEBALLS_SECONDS
        opening = asyncio.open_connection(
            self._host, self._port, ssl=self._tls, server_hostname=name, limit=CHUNK, **options
        )
        return _Link(*await _within(SECONDS, "no connection", opening))


class _Link:
    """One connection, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.CLIENT)

    def open(self) -> bool:
        return not (self._reader.at_eof() or self._writer.is_closing())

    def abort(self) -> None:
        """Closes it at once, without the `close_notify` of TLS: the response was read to its end."""
        self._writer.transport.abort()

    def ready_for_another(self) -> bool:
        """Whether the response was read to its end and the server keeps the connection; it is made ready then."""
        if not self._protocol.our_state is self._protocol.their_state is h11.DONE:
            return False
        self._protocol.start_next_cycle()
        return True

    async def write(
        self, method: str, target: str, headers: list[tuple[str, str]], content: bytes
    ) -> None:
        try:
            request = h11.Request(method=method, target=target, headers=headers)
            parts = [self._protocol.send(request)]
            if content:
                parts.append(self._protocol.send(h11.Data(data=content)))
            parts.append(self._protocol.send(h11.EndOfMessage()))
        except h11.LocalProtocolError as error:
            raise Unanswered(f"the request cannot be sent: {error}") from error
        self._writer.writelines([part for part in parts if part])
        await _within(SECONDS, "the request is not read", self._writer.drain())

    async def response(self, silence: float | None) -> _DirectResponse:
        """Reads the head of the response; heads of interim responses are passed over."""
        event = await self.event(silence)
        while isinstance(event, h11.InformationalResponse):
            event = await self.event(silence)
        if not isinstance(event, h11.Response):
            raise Unanswered("its answer is no HTTP/1.1")
        return _DirectResponse(self, event, silence)

    async def event(self, silence: float | None) -> h11.Event:
        """The next part of the response."""
        try:
            while not isinstance(event := self._protocol.next_event(), h11.Event):
                received = await _within(silence, "no byte", self._reader.read(CHUNK))
                if not received and self._protocol.their_state is h11.SEND_RESPONSE:
                    raise Unanswered("it closed the connection without an answer")
                self._protocol.receive_data(received)
        except h11.RemoteProtocolError as error:
            raise Unanswered(str(error)) from error
        return event


class _DirectResponse:
    def __init__(self, link: _Link, head: h11.Response, silence: float | None) -> None:
        self._link = link
        self._silence = silence
        self._gzip = (b"content-encoding", b"gzip") in [*head.headers]
        self.status = head.status_code

    async def read(self) -> bytes:
        content = b"".join([part async for part in self.chunks()])
        try:
            return zlib.decompress(content, GZIP) if self._gzip else content
        except zlib.error as error:
            raise Unanswered(f"its answer cannot be decompressed: {error}") from error

    async def chunks(self) -> AsyncGenerator[bytes]:
        while isinstance(event := await self._link.event(self._silence), h11.Data):
            yield bytes(event.data)


async def _within(seconds: float | None, failure: str, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of reading or writing; `Unanswered` where it fails or takes longer."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except OSError as error:  # TimeoutError is one
        text = f"{failure} within {seconds:g} s" if limit.expired() else str(error)
        raise Unanswered(text or type(error).__name__) from error
