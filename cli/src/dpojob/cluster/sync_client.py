"""`Client`: the methods of `AsyncClient` for code without an event loop, and for notebooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from .client import AsyncClient
from .event_loop import EventLoopThread

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def _blocking(
    method: Callable[Concatenate[AsyncClient, Parameters], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate[Client, Parameters], Result]:
    """The method as one that waits for its result, with the same parameters and docstring."""

    @wraps(method)
    def call(self: Client, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        return self._loop.run(method(self._client, *arguments, **options))

    return call


def _iterating(
    method: Callable[Concatenate[AsyncClient, Parameters], AsyncIterator[Result]],
) -> Callable[Concatenate[Client, Parameters], Iterator[Result]]:
    """The same of an asynchronous generator."""

    @wraps(method)
    def call(
        self: Client, /, *arguments: Parameters.args, **options: Parameters.kwargs
    ) -> Iterator[Result]:
        return self._loop.iterate(method(self._client, *arguments, **options))

    return call


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

    create = _blocking(AsyncClient.create)
    get = _blocking(AsyncClient.get)
    jobs = _blocking(AsyncClient.jobs)
    pools = _blocking(AsyncClient.pools)
    events = _blocking(AsyncClient.events)
    suspend = _blocking(AsyncClient.suspend)
    resume = _blocking(AsyncClient.resume)
    delete = _blocking(AsyncClient.delete)
    watch = _iterating(AsyncClient.watch)
    wait = _blocking(AsyncClient.wait)
    report = _blocking(AsyncClient.report)
    download = _blocking(AsyncClient.download)
