"""Runs the tasks of the process together, and ends all of them when one ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


async def run_until_first_exit(*parts: Awaitable[object]) -> None:
    """Runs all parts; when the first ends or fails, cancels the rest and raises its exception."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
