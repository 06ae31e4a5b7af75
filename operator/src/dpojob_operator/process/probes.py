"""GET /healthz, /readyz and /metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiohttp import web
from prometheus_client import REGISTRY
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

log = logging.getLogger(__name__)


def _respond(check: Callable[[], bool], failure: str) -> web.Response:
    if check():
        return web.Response(text="ok\n")
    return web.Response(status=503, text=failure + "\n")


async def serve_probes(
    port: int, *, healthy: Callable[[], bool], ready: Callable[[], bool]
) -> None:
    """Serves until cancelled."""

    async def healthz(_: web.Request) -> web.Response:
        return _respond(healthy, "no part of a listing was answered for several intervals")

    async def readyz(_: web.Request) -> web.Response:
        return _respond(ready, "DPOJobs have not been listed yet")

    async def metrics(_: web.Request) -> web.Response:
        body = generate_latest(REGISTRY)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, port=port)
        await site.start()
        log.info("serving /healthz, /readyz and /metrics at %s", runner.addresses)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
