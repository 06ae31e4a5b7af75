"""The server of the page: files, and for each open view a stream of its newest state."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from dpojob.kubectl import Kubectl
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
HEARTBEAT_SECONDS = 15.0
"""A stream without a change sends a comment after this time, which notices a closed page."""
MAX_COMPARED = 8
"""Jobs of one comparison."""
Render = Callable[[], JSONObject]


@dataclass
class Page:
    """The page of one cluster, as an ASGI application.

    Attributes:
        feed: What keeps the store up to date.
        store: The cluster's state.
        port: The port that the application is served on.
        token: The secret of its address.
    """

    feed: ClusterFeed
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
        return self._stream(lambda: self._details(key))

    def _details(self, key: str) -> JSONObject:
        job = self.store.job(*_names(key))
        if job is None:
            return {"missing": key, "loaded": bool(self.store.loaded)}
        uid = str(job.metadata.get("uid", ""))
        curve = self.store.curve(uid).columns()
        events = self.store.events.get(uid, {}).values()
        return job_details(job, curve, self.feed.curve_source(job), events)

    async def _comparison(self, request: Request) -> Response:
        keys = list(dict.fromkeys(request.query_params.getlist("job")))
        if not 1 <= len(keys) <= MAX_COMPARED:
            return PlainTextResponse(f"compare up to {MAX_COMPARED} jobs\n", status_code=400)

        def render() -> JSONObject:
            found = {key: self.store.job(*_names(key)) for key in keys}
            jobs = [job for job in found.values() if isinstance(job, DPOJob)]
            missing = [key for key, job in found.items() if not isinstance(job, DPOJob)]
            return comparison([(job, self.store.curve(job.uid).columns()) for job in jobs], missing)

        return self._stream(render)

    def _stream(self, render: Render) -> Response:
        return StreamingResponse(
            messages(self.store, render), media_type="text/event-stream; charset=utf-8"
        )


async def messages(store: JobStore, render: Render) -> AsyncIterator[str]:
    """Sends a view whenever it differs from what was sent last.

    Args:
        store: Signals changes.
        render: Builds the view.

    Yields:
        Server-sent events with the view as JSON, and comments while nothing changes.
    """
    last = ""
    while True:
        view = json.dumps(printable(render()), separators=(",", ":"), default=str)
        if view != last:
            yield f"data: {view}\n\n"
            last = view
            await asyncio.sleep(MIN_INTERVAL_SECONDS)
            continue  # What changed meanwhile is not waited for.
        await store.wait_for_change(HEARTBEAT_SECONDS)
        yield ":\n\n"


def _names(key: str) -> tuple[str, str]:
    namespace, _, name = key.partition("/")
    return namespace, name


def serve(
    kubectl: Kubectl,
    namespaces: Sequence[str],
    port: int,
    on_ready: Callable[[str], None],
) -> None:
    """Serves the page on the loopback address until it is interrupted.

    Args:
        kubectl: kubectl with the context to use.
        namespaces: Namespaces to show; all that the user may read where there are none.
        port: The port; 0 for a free one.
        on_ready: Called with the page's address once connections are accepted.

    Raises:
        OSError: The port is taken.
    """
    with socket.create_server(("127.0.0.1", port)) as listener:
        store = JobStore()
        page = Page(ClusterFeed(kubectl, namespaces, store), store, listener.getsockname()[1])
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
