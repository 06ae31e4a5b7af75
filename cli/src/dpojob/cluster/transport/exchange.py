"""A request and its response, as every transport takes and gives them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

SECONDS = 30.0
"""Longest wait for a connection, and for the next bytes of a response; watches and logs may stay silent longer."""


class Unanswered(Exception):
    """The server cannot be reached, or the connection broke; the message says how."""


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        method: The HTTP method.
        target: Path and query, encoded; the path begins with a slash.
        headers: Its headers beside those of every request.
        content: Its body; b"" for none.
        silence: Seconds without a byte after which the connection counts as broken; None for no limit.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    silence: float | None = SECONDS


class Response(Protocol):
    """A response whose head has been read."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    async def read(self) -> bytes:
        """Reads the whole body.

        Returns:
            The body, decompressed.

        Raises:
            Unanswered: The connection broke.
        """

    def chunks(self) -> AsyncGenerator[bytes]:
        """Reads the body as it comes.

        Returns:
            Its parts.

        Raises:
            Unanswered: The connection broke.
        """


class Transport(Protocol):
    """Sends requests to one server with one set of credentials."""

    def send(self, request: Request) -> AbstractAsyncContextManager[Response]:
        """Sends a request.

        Args:
            request: The request.

        Returns:
            A context that gives the response and ends it.

        Raises:
            Unanswered: The server cannot be reached, or the connection broke.
        """

    async def close(self) -> None:
        """Closes all connections."""
