"""An event loop in a thread, on which synchronous code runs asynchronous functions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

Result = TypeVar("Result")


class EventLoopThread:
    """Runs coroutines for a thread that has no event loop, or whose loop is busy, as in a notebook."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="dpojob-client", daemon=True
        )
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Runs a coroutine to its end.

        An interruption, such as Ctrl-C, cancels the coroutine and waits until it has cleaned up.

        Args:
            work: The coroutine.

        Returns:
            Its result.
        """
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            if not future.done():
                asyncio.run_coroutine_threadsafe(_cancel_and_wait(), self._loop).result()
            raise

    def iterate(self, items: AsyncIterator[Result]) -> Iterator[Result]:
        """Goes through an asynchronous iterator.

        Args:
            items: The iterator.

        Yields:
            Its items.
        """
        end = object()
        while True:
            item = self.run(_next_or(items, end))
            if item is end:
                return
            yield item

    def close(self) -> None:
        """Ends the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _next_or(items: AsyncIterator[Result], end: object) -> Any:
    return await anext(items, end)


async def _cancel_and_wait() -> None:
    """Cancels every other task of the loop, which serves one caller, and waits for their ends."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
