"""Work on items in threads, the results in the items' order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pyarrow as pa

Item = TypeVar("Item")
Result = TypeVar("Result")

WORKERS = min(4, pa.cpu_count())
HELD = 32 << 20
"""No further item is begun while the ones at work are larger than this together, in bytes."""


def in_order(
    work: Callable[[Item], Result], items: Iterator[Item], size: Callable[[Item], int]
) -> Iterator[Result]:
    """`work` of each item; `size` is how large one is, in bytes.

    An exception, of `work` or of `items`, comes at its place; nothing is begun after it was raised.
    """
    busy: deque[tuple[int, Future[Result]]] = deque()
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="reading") as pool:
        try:
            held = 0
            while True:
                try:
                    item = next(items)
                except StopIteration:
                    break
                except Exception:
                    # What came before the bad item comes first, with its own faults.
                    yield from (future.result() for _, future in busy)
                    raise
                held += size(item)
                busy.append((size(item), pool.submit(work, item)))
                while len(busy) > WORKERS or (busy and held > HELD):
                    freed, future = busy.popleft()
                    held -= freed
                    yield future.result()
            yield from (future.result() for _, future in busy)
        finally:
            for _, future in busy:
                future.cancel()
