"""An API server that gives prepared responses, one a request, also those that a healthy server does not give."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from dpojob.cluster.api import Api
from dpojob.cluster.kubeconfig import ClusterAccess


@dataclass(frozen=True)
class Response:
    """One response.

    Attributes:
        lines: Its body: objects, each a line of JSON, or bytes.
        status: The HTTP status.
    """

    lines: Sequence[Any]
    status: int = 200

    def encoded(self) -> bytes:
        """The response as HTTP/1.1; the connection ends with it."""
        parts = [part if isinstance(part, bytes) else _line(part) for part in self.lines]
        return b"HTTP/1.1 %d x\r\nConnection: close\r\n\r\n" % self.status + b"".join(parts)


@dataclass
class ScriptedServer:
    """Gives its responses in their order; a request beyond them waits for ever.

    Attributes:
        responses: Those that are left.
        port: Its port on the loopback address.
        asked: Path and query of each request, decoded.
        tokens: The Authorization header of each request.
    """

    responses: list[Response]
    port: int = 0
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    used_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the first request beyond the responses."""

    def access(self, token: str = "t") -> ClusterAccess:
        """How it is reached."""
        headers = {"Authorization": f"Bearer {token}"}
        return ClusterAccess(f"http://127.0.0.1:{self.port}", "team-a", None, headers)

    def write_kubeconfig(self, path: Path) -> None:
        """Writes a kubeconfig that leads to it, in the namespace "team-a".

        Args:
            path: The file.
        """
        name = {"cluster": "c", "user": "u", "namespace": "team-a"}
        config = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": name}],
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        path.write_text(json.dumps(config))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(unquote(head.split()[1]))
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        self.tokens.append(headers.get("authorization", ""))
        await reader.readexactly(int(headers.get("content-length", 0)))
        if not self.responses:
            self.used_up.set()
            return
        writer.write(self.responses.pop(0).encoded())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def scripted_api(*responses: Response) -> AsyncIterator[tuple[ScriptedServer, Api]]:
    """Runs a server, and makes what sends requests to it.

    Args:
        *responses: Its responses.

    Yields:
        The server and the API.
    """
    made = ScriptedServer(list(responses))
    server = await asyncio.start_server(made.answer, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with Api(made.access) as api:
        yield made, api
    server.close()


def refused(status: int, reason: str, message: str) -> Response:
    """A Status object, as the API server refuses a request."""
    return Response(
        [{"kind": "Status", "reason": reason, "message": message, "code": status}], status
    )


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
