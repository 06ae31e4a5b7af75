"""Threads for reading: items processed in parallel, and an iterator that is read ahead."""

from __future__ import annotations

import queue
import threading
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
AHEAD = 2
"""Items read ahead, which are held in memory."""


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


def prefetched(items: Iterator[Item]) -> Iterator[Item]:
    """Read an iterator ahead in a thread.

    The thread ends with the items, after an exception, or when the caller closes this iterator.

    Args:
        items: The items.

    Yields:
        The same items.

    Raises:
        BaseException: Whatever `items` raises, after the items before it.
    """
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(AHEAD)
    stopped = threading.Event()

    def put(item: Item | None, problem: BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put((item, problem), timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for item in items:
                if not put(item, None):
                    return
        except BaseException as problem:
            put(None, problem)
        else:
            put(None, StopIteration())

    thread = threading.Thread(target=read, name="read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            item, problem = ready.get()
            if isinstance(problem, StopIteration):
                return
            if problem is not None:
                raise problem
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()
