"""The HTTP session of Kopf's lists and watches: it hands on every object, and Kopf gets none.

Kopf lists, watches, and opens a watch again where it left off or lists anew. What it would do with each object
(a task and a queue for each, copies, the search for causes of a change) is needed by none of our handlers and
would cost more than the decisions. So each object goes to an `ObjectSink` as soon as it is parsed, and Kopf gets
an empty list, or a bookmark in place of an event. An object that is nested too deeply would end the watch, so
each is bounded in depth.

Before each watch Kopf lists the collection, even if the resync has just listed it: for thousands of objects that takes
longer than all else at the start of the process. So where the sink knows the version of a list, Kopf's list ends after
its first page, which nobody reads, and the watch begins at that version.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import aiohttp
import kopf
import orjson

from .bounded_json import loads, loads_list

OBJECT_EVENTS = ("ADDED", "MODIFIED", "DELETED")


class ObjectSink(Protocol):
    """Takes the objects of all lists and watches."""

    def take_object(self, path: str, event: str, raw: Mapping[str, Any]) -> None:
        """Takes an object of a watch, or of a list.

        Args:
            path: Of the collection, in the API.
            event: ADDED, MODIFIED or DELETED; LISTED for an object of a list.
            raw: The whole object.
        """

    def take_list(self, path: str, uids: frozenset[str], version: str) -> None:
        """Takes note of the end of a list.

        Args:
            path: Of the collection.
            uids: Of all objects in it.
            version: Its resourceVersion.
        """

    def pop_listed_version(self, path: str) -> str | None:
        """Gives the resourceVersion of the last list of a collection, and forgets it: a watch may be refused
        because the version is too old.

        Args:
            path: Of the collection.

        Returns:
            The version, from which a watch brings every change that the list lacks; None or empty if none is known.
        """


@dataclass(frozen=True, kw_only=True)
class BoundedSession(kopf.AiohttpSession):
    """Credentials with a session that bounds what it reads.

    Sessions with the same credentials are equal, so that Kopf recognises credentials that were rejected.
    """

    credentials: kopf.ConnectionInfo
    aiohttp_session: aiohttp.ClientSession = field(compare=False)


async def login(sink: ObjectSink, **arguments: Any) -> BoundedSession | None:
    """Logs in as Kopf does by default, with the session of this module.

    Args:
        sink: Takes the objects of all lists and watches.
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
        response_class=response_class(sink),
    )
    return BoundedSession(
        server=credentials.server,
        priority=credentials.priority,
        default_namespace=credentials.default_namespace,
        credentials=credentials,
        aiohttp_session=session,
    )


def response_class(sink: ObjectSink) -> type[aiohttp.ClientResponse]:
    """Returns the class of responses whose objects go to `sink`."""
    # aiohttp takes a class, and gives it no argument of ours.
    return type("SinkResponse", (_Response,), {"sink": sink, "listed": {}})


class _Response(aiohttp.ClientResponse):
    sink: ClassVar[ObjectSink]
    listed: ClassVar[dict[str, set[str]]]
    """UIDs of the lists that have begun, by path."""

    async def start(self, connection: Any) -> _Response:
        """Reads the headers; the body of a watch is then read through a `_Stream`."""
        await super().start(connection)
        if "watch" in self.url.query:
            self.content = _Stream(self.content, self.url.path, self.sink)  # type: ignore[assignment]
        return self

    async def json(self, **_: Any) -> Any:
        """Parses the body: a list, which is returned without its objects, or another answer of the API."""
        taken: list[str] = []
        query, path = self.url.query, self.url.path
        # Kopf reads the body of an error too.
        if self.ok and "limit" in query and "continue" not in query:
            version = self.sink.pop_listed_version(path)
            if version:
                await self.read()  # so that the connection can be used again
                return {"items": [], "metadata": {"resourceVersion": version}}

        def take(raw: Any) -> None:
            self.sink.take_object(path, "LISTED", raw)
            taken.append(raw["metadata"]["uid"])

        answer = loads_list(await self.read(), take)
        if "limit" in query and isinstance(answer, dict) and "items" in answer:
            answer["items"] = []
            uids = self.listed.pop(path, set()) if "continue" in query else set()
            uids.update(taken)
            metadata = answer.get("metadata") or {}
            if metadata.get("continue"):
                self.listed[path] = uids
            else:
                self.sink.take_list(path, frozenset(uids), metadata.get("resourceVersion", "0"))
        return answer


class _Stream:
    """The body of a watch; each chunk that Kopf reads is a whole line."""

    def __init__(self, stream: aiohttp.StreamReader, path: str, sink: ObjectSink) -> None:
        self._stream, self._path, self._sink = stream, path, sink

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def iter_chunked(self, size: int) -> AsyncIterator[bytes]:
        """Yields a line for each event of the body; `size` is that of the chunks in which it is read."""
        line = bytearray()
        async for data in self._stream.iter_chunked(size):
            *ended, rest = data.split(b"\n")
            for part in ended:
                line += part
                yield self._take(bytes(line)) + b"\n"
                line.clear()
            line += rest
        if line:
            yield self._take(bytes(line))

    def _take(self, line: bytes) -> bytes:
        """Hands an object on; returns the line for Kopf."""
        if not line:
            return line
        event = loads(line)
        if event["type"] not in OBJECT_EVENTS:
            return orjson.dumps(event)
        raw = event["object"]
        self._sink.take_object(self._path, event["type"], raw)
        version = {"resourceVersion": raw["metadata"]["resourceVersion"]}
        return orjson.dumps({"type": "BOOKMARK", "object": {"metadata": version}})
