"""The server of the page: files, and for each open view a stream of its newest state."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dpojob.cluster.api import Api
from dpojob_api.base import JSONObject
from dpojob_api.job import DPOJob

from .access import AccessGuard
from .cluster_feed import ClusterFeed
from .job_store import JobStore
from .view_models import comparison, job_details, overview, printable

STATIC = Path(__file__).parent / "static"
"""The page's files."""
MIN_INTERVAL_SECONDS = 0.3
"""Shortest time between two messages of a stream."""
RENDER_SHARE = 0.2
"""Largest part of its time that a stream may spend on building its view, of thousands of jobs for example."""
HEARTBEAT_SECONDS = 15.0
"""A stream without a change sends a comment after this time, which notices a closed page."""
MAX_COMPARED = 8
"""Jobs of one comparison."""
FROM_LOG = "From the log of the training pod, from its first step; steps are computed from epochs."
FROM_STATUS = "Points that the job's status had while this page's server ran."
Render = Callable[[], JSONObject]


class Feed(Protocol):
    """What keeps a store up to date.

    Attributes:
        scope: Namespaces that are shown; None for all.
    """

    scope: list[str] | None

    async def run(self) -> None:
        """Works until it is cancelled."""

    def following(self, keys: Sequence[tuple[str, str]]) -> AbstractAsyncContextManager[None]:
        """Keeps the curves of jobs complete while the context is open.

        Args:
            keys: Namespaces and names of the jobs.

        Returns:
            The context.
        """


@dataclass
class Page:
    """The page of one cluster, as an ASGI application.

    Attributes:
        feed: What keeps the store up to date.
        store: The cluster's state.
        port: The port that the application is served on.
        token: The secret of its address.
    """

    feed: Feed
    store: JobStore
    port: int
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"http://127.0.0.1:{self.port}/?token={self.token}"

    def application(self) -> Starlette:
        """Builds the application.

        Returns:
            The application; it watches the cluster while it runs.
        """

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            watching = asyncio.create_task(self.feed.run())
            watching.add_done_callback(_log_failure)
            yield
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

        return Starlette(
            routes=[
                Route("/", self._index),
                Route("/streams/overview", self._overview),
                Route("/streams/job", self._job),
                Route("/streams/comparison", self._comparison),
                Mount("/static", StaticFiles(directory=STATIC)),
            ],
            middleware=[Middleware(AccessGuard, port=self.port, token=self.token)],
            lifespan=lifespan,
        )

    async def _index(self, _: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def _overview(self, _: Request) -> Response:
        store = self.store

        def render() -> JSONObject:
            found = overview(store.jobs.values(), store.pools, sorted(set(store.problems.values())))
            return found | {"loaded": bool(store.loaded), "scope": self.feed.scope}

        return self._stream(render)

    async def _job(self, request: Request) -> Response:
        key = request.query_params.get("job", "")
        return self._stream(lambda: self._details(key), [_names(key)])

    def _details(self, key: str) -> JSONObject:
        job = self.store.job(*_names(key))
        if job is None:
            return {"missing": key, "loaded": bool(self.store.loaded)}
        events = self.store.events.get(str(job.metadata.get("uid", "")), {}).values()
        curve, from_log = self.store.curve(job)
        return job_details(job, curve.columns(), FROM_LOG if from_log else FROM_STATUS, events)

    async def _comparison(self, request: Request) -> Response:
        keys = list(dict.fromkeys(request.query_params.getlist("job")))
        if not 1 <= len(keys) <= MAX_COMPARED:
            return PlainTextResponse(f"compare up to {MAX_COMPARED} jobs\n", status_code=400)

        def render() -> JSONObject:
            found = {key: self.store.job(*_names(key)) for key in keys}
            jobs = [job for job in found.values() if isinstance(job, DPOJob)]
            missing = [key for key, job in found.items() if not isinstance(job, DPOJob)]
            return comparison([(job, self.store.curve(job)[0].columns()) for job in jobs], missing)

        return self._stream(render, [_names(key) for key in keys])

    def _stream(self, render: Render, keys: Sequence[tuple[str, str]] = ()) -> Response:
        """The view as a stream; the logs of the jobs that it shows are followed while it is open."""

        async def followed() -> AsyncIterator[str]:
            async with self.feed.following(keys), aclosing(messages(self.store, render)) as stream:
                async for message in stream:
                    yield message

        return StreamingResponse(followed(), media_type="text/event-stream; charset=utf-8")


async def messages(store: JobStore, render: Render) -> AsyncGenerator[str]:
    """Sends a view whenever it differs from what was sent last.

    Args:
        store: Signals changes.
        render: Builds the view.

    Yields:
        Server-sent events with the view as JSON, and comments while nothing changes.
    """
    last = ""
    while True:
        changed = store.next_change()  # Before the view is built, so that no change is missed.
        begin = time.perf_counter()
        view = json.dumps(printable(render()), separators=(",", ":"), default=str)
        pause = max(MIN_INTERVAL_SECONDS, (time.perf_counter() - begin) / RENDER_SHARE)
        yield f"data: {view}\n\n" if view != last else ":\n\n"
        last = view
        await asyncio.sleep(pause)
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await changed.wait()


def _log_failure(watching: asyncio.Task[None]) -> None:
    """Logs the error of a feed that ended by itself: the page would wait for it without a word."""
    if not watching.cancelled() and (error := watching.exception()) is not None:
        logging.getLogger("uvicorn.error").error("the cluster is not watched", exc_info=error)


def _names(key: str) -> tuple[str, str]:
    namespace, _, name = key.partition("/")
    return namespace, name


def serve(
    api: Api,
    context: str | None,
    namespaces: Sequence[str],
    port: int,
    on_ready: Callable[[str], None],
) -> None:
    """Serves the page on the loopback address until it is interrupted.

    Args:
        api: The API server.
        context: The context of the kubeconfig that it was found with; None for the current one.
        namespaces: Namespaces to show; all that the user may read where there are none.
        port: The port; 0 for a free one.
        on_ready: Called with the page's address once connections are accepted.

    Raises:
        OSError: The port is taken.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        store = JobStore()
        page = Page(ClusterFeed(api, context, namespaces, store), store, listener.getsockname()[1])
        config = uvicorn.Config(
            page.application(),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ws="none",
        )
        on_ready(page.address)
        uvicorn.Server(config).run(sockets=[listener])
