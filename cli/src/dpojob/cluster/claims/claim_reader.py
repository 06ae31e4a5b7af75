"""Reads what lies on a claim through a short-lived pod of the user's own.

The pod has no token and no rights, is admitted by the restricted Pod Security Standard, mounts the claim
read-only, and ends at its deadline even where nobody deletes it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path, PurePosixPath

from dpojob.cluster.api import Api
from dpojob.cluster.resources import CLAIMS, PODS
from dpojob.errors import CommandError
from dpojob_api.base import JSONObject

from .pod_exec import exec_in_pod
from .reader_pod import MOUNT, ReaderImage, reader_pod

START_SECONDS = 180.0
"""Longest wait for the pod to run."""
POLL_SECONDS = 0.5
NOT_PART_OF_MODEL = (".checkpoints", ".staging")


class ClaimReader:
    """A running pod that has a claim mounted; `open_claim` makes it.

    Args:
        api: The API server.
        namespace: The namespace of the pod and of the claim.
        pod: The name of the pod, in which `cat` and `tar` are run.
        claim: The name of the PersistentVolumeClaim.
    """

    def __init__(self, api: Api, namespace: str, pod: str, claim: str) -> None:
        self._api = api
        self._namespace = namespace
        self._pod = pod
        self._claim = claim

    async def read(self, path: str) -> bytes:
        """Reads one file.

        Args:
            path: The file, relative to the claim's root.

        Returns:
            Its bytes.

        Raises:
            CommandError: It cannot be read.
        """
        return b"".join([part async for part in self._exec("cat", str(_inside(path)))])

    async def download(self, path: str, directory: Path) -> None:
        """Copies everything below a directory of the claim, checkpoints left out.

        The copy appears under its name only once it is whole.

        Args:
            path: The directory, relative to the claim's root.
            directory: Where the copy goes; it must not exist.

        Raises:
            CommandError: Something cannot be read or written, or the directory exists.
        """
        if await asyncio.to_thread(directory.exists):
            raise CommandError(
                f"{directory} exists already; name another one with --to", reason=None
            )
        partial = directory.with_name(f"{directory.name}.partial-{secrets.token_hex(4)}")
        try:
            await asyncio.to_thread(partial.mkdir, parents=True)
            await self._extract(path, partial)
            await asyncio.to_thread(partial.rename, directory)
        except (OSError, tarfile.TarError) as error:
            raise CommandError(f"{directory} cannot be written: {error}", reason=None) from error
        finally:
            await asyncio.to_thread(shutil.rmtree, partial, ignore_errors=True)

    async def _extract(self, path: str, directory: Path) -> None:
        """Unpacks tar's output while it arrives; the pipe holds the sender back where the disk is slow."""
        reading, writing = os.pipe()
        unpacking = asyncio.create_task(asyncio.to_thread(_unpack, reading, directory))
        excluded = [f"--exclude=./{name}" for name in NOT_PART_OF_MODEL]
        command = ("tar", "cf", "-", *excluded, "-C", str(_inside(path)), ".")
        try:
            with os.fdopen(writing, "wb") as sink:
                async with aclosing(self._exec(*command)) as parts:
                    async for part in parts:
                        await asyncio.to_thread(sink.write, part)
        except BrokenPipeError:
            pass  # Unpacking has failed, and its own error says why.
        except BaseException:
            await asyncio.gather(unpacking, return_exceptions=True)
            raise
        await unpacking

    def _exec(self, *command: str) -> AsyncGenerator[bytes]:
        return exec_in_pod(self._api.access, self._namespace, self._pod, command)


def _unpack(reading: int, directory: Path) -> None:
    with os.fdopen(reading, "rb") as source, tarfile.open(fileobj=source, mode="r|") as archive:
        archive.extractall(directory, filter="data")


def _inside(path: str) -> PurePosixPath:
    return PurePosixPath(MOUNT) / path


@asynccontextmanager
async def open_claim(
    api: Api, namespace: str, claim: str, image: ReaderImage
) -> AsyncIterator[ClaimReader]:
    """Runs a pod that has a claim mounted, for `async with`; deletes it at the end, also on Ctrl-C.

    Args:
        api: The API server.
        namespace: The claim's namespace.
        claim: Its name.
        image: The pod's image.

    Yields:
        What reads the claim.

    Raises:
        CommandError: There is no such claim, it is in use where no second pod may have it, or the pod does not
            start.
    """
    user = await _claim_user(api, namespace, claim)
    name = f"dpojob-read-{secrets.token_hex(4)}"
    try:
        # Within the block, since the server may have made the pod when Ctrl-C ends the wait for its answer.
        await api.create(PODS, reader_pod(name, claim, image, beside=user), namespace)
        await _wait_until_running(api, namespace, name, claim, user)
        yield ClaimReader(api, namespace, name, claim)
    finally:
        with suppress(CommandError):
            await api.delete(PODS, name, namespace, grace_seconds=0)


async def _claim_user(api: Api, namespace: str, claim: str) -> JSONObject | None:
    """A running pod that holds the claim to its node; None where any node will do."""
    modes = (await api.get(CLAIMS, claim, namespace))["spec"].get("accessModes") or []
    if {"ReadWriteMany", "ReadOnlyMany"} & set(modes):
        return None
    for pod in await api.list_all(PODS, namespace):
        ended = pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
        volumes = pod["spec"].get("volumes") or []
        mounted = {(v.get("persistentVolumeClaim") or {}).get("claimName") for v in volumes}
        if ended or claim not in mounted or not pod["spec"].get("nodeName"):
            continue
        if "ReadWriteOncePod" in modes:
            raise CommandError(
                f"the claim {claim} is ReadWriteOncePod and in use by pod {pod['metadata']['name']}: no second pod "
                "may mount it. Try again when that pod has ended",
                reason=None,
            )
        return pod
    return None


async def _wait_until_running(
    api: Api, namespace: str, name: str, claim: str, user: JSONObject | None
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + START_SECONDS
    while True:
        pod = await api.get(PODS, name, namespace)
        status = pod.get("status", {})
        if status.get("phase") == "Running":
            return
        if status.get("phase") in ("Succeeded", "Failed"):
            raise CommandError(
                f"the pod that reads the claim {claim} ended at once: {status.get('message') or status['phase']}",
                reason=None,
            )
        if loop.time() > end:
            raise CommandError(_why_not_running(pod, claim, user), reason=None)
        await asyncio.sleep(POLL_SECONDS)


def _why_not_running(pod: JSONObject, claim: str, user: JSONObject | None) -> str:
    """The sentence on a pod that does not start: the claim's user, then what scheduler or kubelet report."""
    status = pod.get("status", {})
    waiting = [
        state.get("message") or state.get("reason")
        for container in status.get("containerStatuses") or []
        if (state := (container.get("state") or {}).get("waiting"))
    ]
    scheduling = [
        c.get("message") for c in status.get("conditions") or [] if c.get("status") == "False"
    ]
    details = [
        str(text) for text in [*waiting, *scheduling] if text and text != "ContainerCreating"
    ]
    text = f"the pod that reads the claim {claim} did not start within {START_SECONDS:.0f} s"
    if user is not None:
        text += (
            f"; the claim is ReadWriteOnce and in use by pod {user['metadata']['name']} on node "
            f"{user['spec']['nodeName']}, so it can be read on that node only. Try again when that pod has ended"
        )
    return text + (f" ({details[0]})" if details else "")
