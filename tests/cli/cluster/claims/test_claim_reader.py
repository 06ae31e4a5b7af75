"""What is read from a claim through a pod, over the protocol of the API server's exec."""

from __future__ import annotations

import asyncio
import io
import json
import os
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from dpojob.cluster.api import Api
from dpojob.cluster.claims import ClaimReader
from dpojob.cluster.kubeconfig import ClusterAccess
from dpojob.errors import CommandError

SUCCESS = {"status": "Success"}


def archive(**files: bytes) -> bytes:
    """What `tar cf - .` writes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name.replace('__', '/')}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def names_in(directory: Path) -> list[str]:
    """What a directory holds."""
    return [path.name for path in directory.iterdir()]


@asynccontextmanager
async def reader(
    output: bytes, status: dict[str, Any] | None = SUCCESS, seen: list[Any] | None = None
) -> AsyncIterator[ClaimReader]:
    """A pod whose every command writes the same."""

    async def answer(socket: ServerConnection) -> None:
        if seen is not None:
            assert socket.request is not None
            seen.append(urlsplit(socket.request.path))
        for start in range(0, len(output), 1000):
            await socket.send(b"\x01" + output[start : start + 1000])
        if status is not None:
            await socket.send(b"\x02tar: broken")
            await socket.send(b"\x03" + json.dumps(status).encode())

    protocol = Subprotocol("v4.channel.k8s.io")
    async with serve(answer, "127.0.0.1", 0, subprotocols=[protocol]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        access = ClusterAccess(f"http://127.0.0.1:{port}", "team-a", None, {})
        async with Api(lambda: access) as api:
            yield ClaimReader(api, "team-a", "pod-1", "models")


async def test_a_file_is_read_whole() -> None:
    seen: list[Any] = []
    async with reader(b"x" * 5000, seen=seen) as claim:
        assert await claim.read("out/report.html") == b"x" * 5000
    assert seen[0].path == "/api/v1/namespaces/team-a/pods/pod-1/exec"
    assert parse_qs(seen[0].query)["command"] == ["cat", "/claim/out/report.html"]


async def test_a_directory_is_copied_without_its_checkpoints(tmp_path: Path) -> None:
    seen: list[Any] = []
    weights = bytes(range(256)) * 1000
    async with reader(archive(config=b"{}", sub__weights=weights), seen=seen) as claim:
        await claim.download("out", tmp_path / "model")
    assert (tmp_path / "model/sub/weights").read_bytes() == weights
    assert names_in(tmp_path) == ["model"]
    command = parse_qs(seen[0].query)["command"]
    assert {"--exclude=./.checkpoints", "--exclude=./.staging", "/claim/out"} <= set(command)


@pytest.mark.parametrize(
    ("output", "status", "message"),
    [
        (archive(a=b"b")[:700], {"status": "Failure", "message": "exit code 1"}, "tar: broken"),
        (archive(a=b"b" * 3000)[:2000], None, "it ended early"),
        (archive(a=b"b" * 3000)[:2000], SUCCESS, "cannot be written: unexpected end of data"),
        (archive(**{"..__..__evil": b"b"}), SUCCESS, "outside the destination"),
    ],
)
async def test_half_a_copy_is_none(
    tmp_path: Path, output: bytes, status: dict[str, Any] | None, message: str
) -> None:
    async with reader(output, status) as claim:
        with pytest.raises(CommandError, match=message):
            await claim.download("", tmp_path / "model")
    assert names_in(tmp_path) == []


async def test_what_exists_is_not_replaced(tmp_path: Path) -> None:
    async with reader(archive(a=b"b")) as claim:
        with pytest.raises(CommandError, match="exists already; name another one with --to"):
            await claim.download("", tmp_path)


async def test_an_interrupted_copy_leaves_nothing(tmp_path: Path) -> None:
    async def answer(socket: ServerConnection) -> None:
        # More than the record of 10 KiB in which an archive is read.
        await socket.send(b"\x01" + archive(a=bytes(100_000))[:50_000])
        await socket.wait_closed()

    protocol = Subprotocol("v4.channel.k8s.io")
    async with serve(answer, "127.0.0.1", 0, subprotocols=[protocol]) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        access = ClusterAccess(f"http://127.0.0.1:{port}", "team-a", None, {})
        async with Api(lambda: access) as api:
            claim = ClaimReader(api, "team-a", "pod-1", "models")
            copy = asyncio.create_task(claim.download("", tmp_path / "model"))
            while "a" not in {name for _, _, files in os.walk(tmp_path) for name in files}:
                assert not copy.done(), copy.exception()
                await asyncio.sleep(0.01)
            copy.cancel()
            with pytest.raises(asyncio.CancelledError):
                await copy
    assert names_in(tmp_path) == []
