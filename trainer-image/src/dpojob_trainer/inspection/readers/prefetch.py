"""Reads ahead: the next batch is read in a thread while the current one is validated."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")

AHEAD = 2
"""Items read ahead, which are held in memory."""


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
