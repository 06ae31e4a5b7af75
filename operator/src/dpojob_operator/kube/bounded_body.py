"""Reads the body of an HTTP response whose sender is not trusted."""

from __future__ import annotations

import aiohttp


class BodyTooLarge(ValueError):
    """The body is longer than the limit."""


class EncodedBody(ValueError):
    """The body is compressed, although that was not accepted: a few bytes may expand to gigabytes."""


NO_COMPRESSION = {"Accept-Encoding": "identity"}
"""Headers of a request whose response is read with `read_body`, or comes from the API server, which takes longer to
compress a list than to send it."""


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Reads to the end of the body; the caller bounds the time.

    Raises BodyTooLarge once more than `limit` bytes have come, and EncodedBody.
    """
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise EncodedBody(f"the body has the encoding {encoding[:40]!r}")
    body = bytearray()
    async for chunk in response.content.iter_chunked(limit):
        body += chunk
        if len(body) > limit:
            raise BodyTooLarge(f"the body is longer than {limit} bytes")
    return bytes(body)
