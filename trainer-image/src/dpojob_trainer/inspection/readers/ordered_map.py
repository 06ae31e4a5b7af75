"""Processes items in threads and gives the results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = min(4, pa.cpu_count())
MAX_HELD_BYTES = 32 << 20
"""No further item is started while the running ones together are larger than this, in bytes."""


def map_in_order(
    work: Callable[[Item], Result], items: Iterator[Item], size: Callable[[Item], int]
) -> Iterator[Result]:
    """Apply a function to items in threads.

    Args:
        work: The function.
        items: The items.
        size: The size of an item, in bytes.

    Yields:
        The results, in the order of the items.

    Raises:
        Exception: Whatever `work` or `items` raise, after the results before it.
    """
    running: deque[tuple[int, Future[Result]]] = deque()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="reading") as pool:
        try:
            held = 0
            while True:
                try:
                    item = next(items)
                except StopIteration:
                    break
                except Exception:
                    # The results of the items before the failed one come first.
                    yield from (future.result() for _, future in running)
                    raise
                held += size(item)
                running.append((size(item), pool.submit(work, item)))
                while len(running) > WORKERS or (running and held > MAX_HELD_BYTES):
                    freed, future = running.popleft()
                    held -= freed
                    yield future.result()
            yield from (future.result() for _, future in running)
        finally:
            for _, future in running:
                future.cancel()
