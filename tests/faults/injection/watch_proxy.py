"""One watch of the operator's, with the event in which a fault is injected."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

import aiohttp
from aiohttp import web

from .error_responses import status_body
from .fault_types import EVENTS, Fault
from .request_log import Entry

DELAY_SECONDS = 3.0
"""How late a delayed event is."""
LAG_SECONDS = 6.0
"""How late every event of a lagging watch is."""


class WatchStream:
    """Passes lines on until the API server or the fault ends it."""

    def __init__(
        self,
        out: web.StreamResponse,
        entry: Entry,
        reachable: Callable[[], Awaitable[None]],
        fault: Fault | None,
        mark_fired: Callable[[], None],
    ) -> None:
        self._out, self._entry, self._reachable = out, entry, reachable
        self._fault, self._mark_fired = fault, mark_fired

    async def forward_events(self, stream: aiohttp.ClientResponse) -> None:
        """Every event, but for what the fault does to one of them."""
        held: bytes | None = None
        fault, out, entry = self._fault, self._out, self._entry
        async for line in stream.content:
            await self._reachable()
            entry.events += 1
            if held is not None:
                await out.write(line)
                await out.write(held)
                held = None
                continue
            if fault is None or entry.events != fault.at.event:
                await out.write(line)
                continue
            self._mark_fired()
            if fault.action in EVENTS:
                held = await self._alter(fault.action, line)
                continue
            if fault.action == "lag":
                await self._lag(stream, line)
                return
            if fault.action == "silence":
                async for _ in stream.content:
                    entry.events += 1
                return
            await out.write(line)
            if fault.action.startswith("error-"):
                event = {"type": "ERROR", "object": status_body(int(fault.action[-3:]))}
                await out.write(json.dumps(event).encode() + b"\n")
            return

    async def _lag(self, stream: aiohttp.ClientResponse, line: bytes) -> None:
        """Passes on this event and all that follow, each some time after it came."""
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        late.put_nowait((time.monotonic() + LAG_SECONDS, line))

        async def pass_on() -> None:
            while True:
                due, event = await late.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await self._out.write(event)

        passing = asyncio.create_task(pass_on())
        try:
            async for event in stream.content:
                self._entry.events += 1
                late.put_nowait((time.monotonic() + LAG_SECONDS, event))
        finally:
            passing.cancel()

    async def _alter(self, action: str, line: bytes) -> bytes | None:
        """The event that must come after the next one, if there is such."""
        if action == "double":
            await self._out.write(line)
            await self._out.write(line)
        elif action == "delay":
            await asyncio.sleep(DELAY_SECONDS)
            await self._out.write(line)
        elif action == "reorder":
            return line
        return None
