"""The HTTP session of Kopf's lists and watches, which bounds every object before Kopf parses it.

Kopf parses what it lists and watches, and keeps each object for some seconds. An object that is nested too
deeply would end the watch, and large ones would fill the memory, so each is bounded in depth and reduced to
the fields that the handlers read. Kopf does not need the fields that are dropped: it looks for annotations
and a finalizer that only other kinds of handler write. A user who wrote them would make Kopf parse the
annotation and patch the object.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import kopf

from .bounded_json import loads, loads_list
from .handled_fields import HANDLED_FIELDS, select_fields

OBJECT_EVENTS = ("ADDED", "MODIFIED", "DELETED")


@dataclass(frozen=True, kw_only=True)
class BoundedSession(kopf.AiohttpSession):
    """Credentials with a session that bounds what it reads.

    Sessions with the same credentials are equal, so that Kopf recognises credentials that were rejected.
    """

    credentials: kopf.ConnectionInfo
    aiohttp_session: aiohttp.ClientSession = field(compare=False)


async def login(**arguments: Any) -> BoundedSession | None:
    """Logs in as Kopf does by default, with the session of this module.

    Args:
        **arguments: What Kopf passes to a login handler.

    Returns:
        Address, credentials and session; None where there are no credentials.
    """
    credentials = kopf.login_via_client(**arguments)
    if credentials is None:
        return None
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=credentials.as_ssl_context()),
        headers=credentials.as_http_headers(),
        trust_env=credentials.trust_env,
        response_class=BoundedResponse,
    )
    return BoundedSession(
        server=credentials.server,
        priority=credentials.priority,
        default_namespace=credentials.default_namespace,
        credentials=credentials,
        aiohttp_session=session,
    )


class BoundedResponse(aiohttp.ClientResponse):
    """A response whose objects are bounded, in a list and in the lines of a watch."""

    async def start(self, connection: Any) -> BoundedResponse:
        """Reads the headers; the body is then read through a BoundedStream."""
        await super().start(connection)
        self.content = BoundedStream(self.content)  # type: ignore[assignment]
        return self

    async def json(self, **_: Any) -> Any:
        """Parses the body: a list of objects, of which each is reduced, or another answer of the API."""
        return loads_list(await self.read(), lambda item: select_fields(item, HANDLED_FIELDS))


class BoundedStream:
    """A body whose chunks are whole lines when Kopf reads it, each an event of a watch."""

    def __init__(self, stream: aiohttp.StreamReader) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yields the events of the body, reduced; `size` is that of the chunks in which it is read."""
        line = bytearray()
        async for data in self._stream.iter_chunked(size):
            *ended, rest = data.split(b"\n")
            for part in ended:
                line += part
                yield _bounded_event(bytes(line)) + b"\n"
                line.clear()
            line += rest
        if line:
            yield _bounded_event(bytes(line))


def _bounded_event(line: bytes) -> bytes:
    if not line:
        return line
    event = loads(line)
    if event["type"] in OBJECT_EVENTS:
        event["object"] = select_fields(event["object"], HANDLED_FIELDS)
    return json.dumps(event).encode()
