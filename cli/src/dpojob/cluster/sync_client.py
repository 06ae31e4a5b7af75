"""`Client`: the methods of `AsyncClient` for code without an event loop, and for notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dpojob_api.base import JSONObject
from dpojob_api.job import DPOJob
from dpojob_api.pool import GPUPool

from .client import AsyncClient
from .event_loop import EventLoopThread


class Client:
    """DPOJobs of a cluster, with the user's kubeconfig and rights.

    Use it with `with`, or call `close()`. Each method does what the method of `AsyncClient` of that name does,
    and raises what that raises.
    """

    def __init__(self, namespace: str | None = None, context: str | None = None) -> None:
        """Finds the cluster.

        Args:
            namespace: The namespace of all jobs; None for that of the context.
            context: A context of the kubeconfig; None for its current one.

        Raises:
            CommandError: No cluster is configured, or the kubeconfig cannot be used.
        """
        self._client = AsyncClient(namespace, context)
        self._loop = EventLoopThread()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._loop.run(self._client.__aexit__(None, None, None))
        self._loop.close()

    @property
    def namespace(self) -> str:
        """The namespace of all jobs."""
        return self._client.namespace

    def create(self, job: DPOJob | Mapping[str, Any], *, dry_run: bool = False) -> DPOJob:
        """Creates a job.

        Args:
            job: The job, or its manifest as a mapping.
            dry_run: Have the API server check it and store nothing.

        Returns:
            The job as it was stored, with its defaults and its uid.
        """
        return self._loop.run(self._client.create(job, dry_run=dry_run))

    def get(self, name: str) -> DPOJob:
        """Reads a job.

        Args:
            name: Its name.

        Returns:
            The job as the API server holds it now.
        """
        return self._loop.run(self._client.get(name))

    def jobs(self, *, everywhere: bool = False) -> list[DPOJob]:
        """Reads all jobs of the namespace.

        Args:
            everywhere: Those of all namespaces.

        Returns:
            The jobs, ordered by namespace and name.
        """
        return self._loop.run(self._client.jobs(everywhere=everywhere))

    def pools(self) -> list[GPUPool]:
        """Reads the GPUPools of the cluster.

        Returns:
            The pools, ordered by name.
        """
        return self._loop.run(self._client.pools())

    def events(self, job: DPOJob) -> list[JSONObject]:
        """Reads the Events of a job.

        Args:
            job: The job as it was read.

        Returns:
            The Events, oldest first.
        """
        return self._loop.run(self._client.events(job))

    def suspend(self, name: str) -> DPOJob:
        """Pauses a job: training stops with a checkpoint.

        Args:
            name: The job's name.

        Returns:
            The job with the new spec.
        """
        return self._loop.run(self._client.suspend(name))

    def resume(self, name: str) -> DPOJob:
        """Lets a suspended job continue from its newest checkpoint.

        Args:
            name: The job's name.

        Returns:
            The job with the new spec.
        """
        return self._loop.run(self._client.resume(name))

    def delete(self, name: str) -> None:
        """Deletes a job; its output claim and its uploads remain.

        Args:
            name: The job's name.
        """
        self._loop.run(self._client.delete(name))

    def watch(self, name: str) -> Iterator[DPOJob]:
        """Reads a job now and after each change, until it has ended.

        Args:
            name: The job's name.

        Returns:
            The states of the job; the last one is complete or failed.
        """
        return self._loop.iterate(self._client.watch(name))

    def wait(self, name: str) -> DPOJob:
        """Waits until a job has ended.

        Args:
            name: The job's name.

        Returns:
            The job, complete or failed: `job.status.phase` and its conditions say which.
        """
        return self._loop.run(self._client.wait(name))

    def report(self, name: str, to: Path | None = None, *, image: str | None = None) -> Path:
        """Fetches a job's report: that of the training, else that of the inspection.

        Args:
            name: The job's name.
            to: The file to write; None for NAME-report.html in this directory.
            image: The image of the pod that reads the claim; None for that of the job's own pods.

        Returns:
            The file.
        """
        return self._loop.run(self._client.report(name, to, image=image))

    def download(self, name: str, to: Path | None = None, *, image: str | None = None) -> Path:
        """Copies a job's model from its claim to a directory.

        Args:
            name: The job's name.
            to: The directory, which must not exist; None for NAME in this directory.
            image: The image of the pod that reads the claim; None for that of the job's own pods.

        Returns:
            The directory.
        """
        return self._loop.run(self._client.download(name, to, image=image))
