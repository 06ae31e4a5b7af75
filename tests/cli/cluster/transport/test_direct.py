"""Direct connections: kept for the next request, and answers in every form that HTTP/1.1 allows."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from dpojob.cluster.api import Api
from dpojob.cluster.kubeconfig import ClusterAccess
from dpojob.cluster.resources import DPOJOBS, PODS
from dpojob.cluster.transport import direct
from dpojob.errors import CommandError

JOB = {"metadata": {"name": "helpful"}}
BODY = json.dumps(JOB).encode()


def whole(body: bytes, *headers: str) -> bytes:
    """An answer after which the connection may stay."""
    head = "".join(f"{line}\r\n" for line in (f"Content-Length: {len(body)}", *headers))
    return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + body


class Server:
    """Gives the bytes of its answers in their order, over as few connections as the client makes."""

    def __init__(self, answers: Sequence[bytes]) -> None:
        self.answers = [*answers]
        self.connections = 0
        self.requests: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while self.answers and (head := await read_head(reader)):
            self.requests.append(head)
            answer = self.answers.pop(0)
            writer.write(answer)
            await writer.drain()
            # An answer without a length, or one that is too short, ends with its connection.
            if not answer.endswith((BODY, b"no gzip")) or b"Content-Length" not in answer:
                break
        writer.close()


async def read_head(reader: asyncio.StreamReader) -> str:
    """The head of the next request, whose body is read too; "" where the client has left."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return ""
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
    await reader.readexactly(int(fields.get("content-length", 0)))
    return head


@asynccontextmanager
async def api(*answers: bytes, base: str = "") -> AsyncIterator[tuple[Server, Api]]:
    made = Server(answers)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    address = f"http://127.0.0.1:{made.port}{base}"
    async with Api(lambda: ClusterAccess(address, "team-a", None, {"Authorization": "t"})) as found:
        yield made, found
    server.close()


async def test_a_connection_is_kept_for_the_next_request() -> None:
    async with api(whole(BODY), whole(BODY), whole(BODY)) as (server, cluster):
        assert await cluster.get(DPOJOBS, "helpful") == JOB
        assert await cluster.patch(DPOJOBS, "helpful", {"spec": {"suspend": True}}) == JOB
        assert server.connections == 1
        assert await cluster.get(DPOJOBS, "helpful") == JOB
        assert (server.connections, len(server.requests)) == (1, 3)
    assert (
        "PATCH /apis/dpojob.dev/v1alpha1/namespaces/team-a/dpojobs/helpful " in server.requests[1]
    )
    assert "application/merge-patch+json" in server.requests[1]


async def test_a_connection_that_the_server_closed_or_that_is_old_is_not_used_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY
    async with api(closed, whole(BODY), whole(BODY)) as (server, cluster):
        for expected in (1, 2):
            assert await cluster.get(DPOJOBS, "helpful") == JOB
            assert server.connections == expected
        monkeypatch.setattr(direct, "IDLE_SECONDS", 0.0)
        assert await cluster.get(DPOJOBS, "helpful") == JOB
        assert server.connections == 3


async def test_two_requests_at_once_have_a_connection_each() -> None:
    async with api(whole(BODY), whole(BODY)) as (server, cluster):
        found = await asyncio.gather(*(cluster.get(DPOJOBS, "helpful") for _ in range(2)))
        assert (found, server.connections) == ([JOB, JOB], 2)


async def test_a_compressed_answer_is_read() -> None:
    async with api(whole(gzip.compress(BODY), "Content-Encoding: gzip")) as (server, cluster):
        assert await cluster.get(DPOJOBS, "helpful") == JOB
        assert "Accept-Encoding: gzip\r\n" in server.requests[0]
    async with api(whole(b"no gzip", "Content-Encoding: gzip")) as (_, cluster):
        with pytest.raises(CommandError, match="does not answer: its answer cannot be decompr"):
            await cluster.get(DPOJOBS, "helpful")


async def test_chunks_are_lines_as_they_come() -> None:
    chunks = [b"fir", b"st\nsecond\nth", b"ird"]
    body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in chunks) + b"0\r\n\r\n"
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with api(answer + body) as (server, cluster):
        assert [line async for line in cluster.log("pod")] == [b"first", b"second", b"third"]
        assert "Accept-Encoding" not in server.requests[0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "it closed the connection without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "peer closed connection without"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "illegal status line"),
    ],
)
async def test_an_answer_that_breaks_off_says_how(answer: bytes, message: str) -> None:
    async with api(answer) as (_, cluster):
        with pytest.raises(CommandError, match=f"does not answer: {message}"):
            await cluster.get(DPOJOBS, "helpful")


async def test_a_server_behind_a_path_is_asked_below_it_and_a_name_stays_one_part() -> None:
    async with api(whole(BODY), base="/k8s/clusters/c-1") as (server, cluster):
        await cluster.get(PODS, "a b?c")
        assert server.requests[0].startswith("GET /k8s/clusters/c-1/api/v1/namespaces/team-a/pods/")
        assert "/pods/a%20b%3Fc HTTP/1.1" in server.requests[0]


async def test_a_token_that_no_header_can_hold_is_refused() -> None:
    headers = {"Authorization": "Bearer two\nlines"}
    async with (
        api(whole(BODY)) as (server, _),
        Api(
            lambda: ClusterAccess(f"http://127.0.0.1:{server.port}", "team-a", None, headers)
        ) as own,
    ):
        with pytest.raises(CommandError, match="the request cannot be sent"):
            await own.get(DPOJOBS, "helpful")


@pytest.mark.parametrize("address", ["", "cluster:6443", "https://", "https://host:port"])
def test_an_address_that_is_none_is_named(address: str) -> None:
    with pytest.raises(CommandError, match="is no address such as https://host:6443"):
        Api(lambda: ClusterAccess(address, "team-a", None, {}))
