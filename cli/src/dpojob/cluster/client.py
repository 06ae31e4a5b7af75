"""DPOJobs on a cluster, for programs: create, wait, watch, report, download.

The models of the API are imported once there is an answer to read: with pydantic their import takes longer than all
that a request needs.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dpojob.errors import CommandError

from .api import Api
from .job_facts import (
    event_time,
    has_ended,
    manifest_of,
    model_place,
    read_job,
    read_pool,
    report_place,
    suspend_patch,
)
from .kubeconfig import load_access
from .resources import DPOJOBS, EVENTS, POOLS
from .watch import watch_object

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject
    from dpojob_api.job import DPOJob
    from dpojob_api.pool import GPUPool

    from .claims import ClaimReader


class AsyncClient:
    """DPOJobs of a cluster, with the user's kubeconfig and rights; for `async with`.

    Attributes:
        api: The API server, for requests that have no method here.
    """

    def __init__(self, namespace: str | None = None, context: str | None = None) -> None:
        """Finds the cluster.

        Args:
            namespace: The namespace of all jobs; None for that of the context.
            context: A context of the kubeconfig; None for its current one.

        Raises:
            CommandError: No cluster is configured, or the kubeconfig cannot be used.
        """
        self.api = Api(partial(load_access, context, namespace))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.api.__aexit__(kind, error, trace)

    @property
    def namespace(self) -> str:
        """The namespace of all jobs."""
        return self.api.access.namespace

    async def create(self, job: DPOJob | Mapping[str, Any], *, dry_run: bool = False) -> DPOJob:
        """Creates a job.

        Args:
            job: The job, or its manifest as a mapping.
            dry_run: Have the API server check it and store nothing.

        Returns:
            The job as it was stored, with its defaults and its uid.

        Raises:
            CommandError: The manifest is invalid, with everything that is wrong with it; or the API server
                refuses it.
        """
        from dpojob_api.manifest import ManifestError, load

        body = manifest_of(job)
        try:
            load([body])
        except ManifestError as error:
            raise CommandError("; ".join(problem.message for problem in error.problems)) from error
        return read_job(await self.api.create(DPOJOBS, body, dry_run=dry_run))

    async def get(self, name: str) -> DPOJob:
        """Reads a job.

        Args:
            name: Its name.

        Returns:
            The job as the API server holds it now.

        Raises:
            CommandError: There is none, or the API server refuses the request.
        """
        return read_job(await self.api.get(DPOJOBS, name))

    async def jobs(self, *, everywhere: bool = False) -> list[DPOJob]:
        """Reads all jobs of the namespace.

        Args:
            everywhere: Those of all namespaces.

        Returns:
            The jobs, ordered by namespace and name.

        Raises:
            CommandError: The API server refuses the request.
        """
        found = await self.api.list_all(DPOJOBS, everywhere=everywhere)
        return [read_job(each) for each in found]

    async def pools(self) -> list[GPUPool]:
        """Reads the GPUPools of the cluster.

        Returns:
            The pools, ordered by name.

        Raises:
            CommandError: The user may not read pools.
        """
        return [read_pool(each) for each in await self.api.list_all(POOLS)]

    async def events(self, job: DPOJob) -> list[JSONObject]:
        """Reads the Events of a job.

        Args:
            job: The job as it was read.

        Returns:
            The Events, oldest first.

        Raises:
            CommandError: The user may not read Events.
        """
        found = await self.api.list_all(
            EVENTS, job.namespace, fieldSelector=f"involvedObject.uid={job.uid}"
        )
        return sorted(found, key=event_time)

    async def suspend(self, name: str) -> DPOJob:
        """Pauses a job: training stops with a checkpoint.

        Args:
            name: The job's name.

        Returns:
            The job with the new spec.

        Raises:
            CommandError: There is none, or the API server refuses the change.
        """
        return await self._set_suspend(name, True)

    async def resume(self, name: str) -> DPOJob:
        """Lets a suspended job continue from its newest checkpoint.

        Args:
            name: The job's name.

        Returns:
            The job with the new spec.

        Raises:
            CommandError: There is none, or the API server refuses the change.
        """
        return await self._set_suspend(name, False)

    async def _set_suspend(self, name: str, suspend: bool) -> DPOJob:
        return read_job(await self.api.patch(DPOJOBS, name, suspend_patch(suspend)))

    async def delete(self, name: str) -> None:
        """Deletes a job; its output claim and its uploads remain.

        Args:
            name: The job's name.

        Raises:
            CommandError: There is none, or the API server refuses the request.
        """
        await self.api.delete(DPOJOBS, name)

    async def watch(self, name: str) -> AsyncGenerator[DPOJob]:
        """Reads a job now and after each change, until it has ended.

        Args:
            name: The job's name.

        Yields:
            The job; the last one is complete or failed.

        Raises:
            CommandError: There is none, it is deleted meanwhile, or the API server does not answer for long.
        """
        async with aclosing(watch_object(self.api, DPOJOBS, name)) as changes:
            async for found in changes:
                job = read_job(found)
                yield job
                if has_ended(job):
                    return

    async def wait(self, name: str) -> DPOJob:
        """Waits until a job has ended.

        Args:
            name: The job's name.

        Returns:
            The job, complete or failed: `job.status.phase` and its conditions say which.

        Raises:
            CommandError: There is none, it is deleted meanwhile, or the API server does not answer for long.
        """
        states = [state async for state in self.watch(name)]
        return states[-1]

    async def report(self, name: str, to: Path | None = None, *, image: str | None = None) -> Path:
        """Fetches a job's report: that of the training, else that of the inspection.

        Args:
            name: The job's name.
            to: The file to write; None for NAME-report.html in this directory.
            image: The image of the pod that reads the claim; None for that of the job's own pods.

        Returns:
            The file.

        Raises:
            CommandError: The job has no report yet, or it cannot be read or written.
        """
        job = await self.get(name)
        claim, path = report_place(job)
        async with self._open(job, claim, image) as reader:
            content = await reader.read(path)
        target = to or Path(f"{name}-report.html")
        try:
            target.write_bytes(content)
        except OSError as error:
            raise CommandError(
                f"{target} cannot be written: {error.strerror}", reason=None
            ) from error
        return target

    async def download(
        self, name: str, to: Path | None = None, *, image: str | None = None
    ) -> Path:
        """Copies a job's model from its claim to a directory.

        Args:
            name: The job's name.
            to: The directory, which must not exist; None for NAME in this directory.
            image: The image of the pod that reads the claim; None for that of the job's own pods.

        Returns:
            The directory.

        Raises:
            CommandError: The job has no model on a claim, or it cannot be read or written.
        """
        job = await self.get(name)
        claim, path = model_place(job)
        target = to or Path(name)
        async with self._open(job, claim, image) as reader:
            await reader.download(path, target)
        return target

    @asynccontextmanager
    async def _open(self, job: DPOJob, claim: str, image: str | None) -> AsyncIterator[ClaimReader]:
        """The claim, with the image of the job's own pods where none is named."""
        # Imported here, since it imports websockets, which no other command needs.
        from .claims import ReaderImage, image_of, open_claim

        found = ReaderImage(image) if image else await image_of(self.api, job)
        async with open_claim(self.api, job.namespace, claim, found) as reader:
            yield reader
