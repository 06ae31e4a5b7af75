"""Reading ahead: the next chunk is read in a thread while this one is judged."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")

AHEAD = 2
"""Items read ahead; each is held in memory."""


def prefetched(items: Iterator[Item]) -> Iterator[Item]:
    """The same items and the same exception at the same place, read ahead in a thread.

    The reader ends with the items, with an exception, or when the caller stops asking.
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
