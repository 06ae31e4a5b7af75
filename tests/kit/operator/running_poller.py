"""The poller of training pods' progress, running in a test's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from dpojob_operator.controllers.dpojob import ProgressPoller
from dpojob_operator.process.metrics import RUNNING


@asynccontextmanager
async def polling(
    notify: Callable[[Any], None], every: float = 0.01
) -> AsyncIterator[ProgressPoller]:
    """Runs a poller that reads pods at their own address, every `every` seconds; asserts that it lives to the end."""
    poller = ProgressPoller(
        None,  # type: ignore[arg-type]  # the pod's own address needs no cluster
        by_proxy=False,
        every=every,
        notify_every=3600,
        notify=notify,
    )
    running = asyncio.ensure_future(poller.run())
    try:
        yield poller
        assert not running.done(), "polling ended"
    finally:
        running.cancel()
        for key in list(RUNNING.progress):
            poller.stop(key)
