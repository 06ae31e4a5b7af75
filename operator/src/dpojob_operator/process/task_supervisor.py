"""Parts of the process that live and die together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


async def run_until_first_exit(*parts: Awaitable[object]) -> None:
    """Runs the parts together; when one ends or fails, cancels the rest and raises what it raised."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
