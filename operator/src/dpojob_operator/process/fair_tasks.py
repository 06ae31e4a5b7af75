"""Work on keys in a limited number of tasks, queued fairly by group, where no worker runs all the time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from .ready_keys import ReadyKeys

Key = TypeVar("Key", bound=Hashable)
CreateTask = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]


class FairTasks(Generic[Key]):
    """Tasks that work on keys as `ReadyKeys` shares them out; a task ends when it has no key left."""

    def __init__(
        self,
        work: Callable[[Key], Awaitable[None]],
        group: Callable[[Key], Hashable],
        max_tasks: int,
        create_task: CreateTask = asyncio.create_task,
    ) -> None:
        """`group` returns what keys are shared out by; `create_task` may be that of a task group."""
        self._work = work
        self._max_tasks = max_tasks
        self._create_task = create_task
        self._ready: ReadyKeys[Key] = ReadyKeys(group)
        self._ready.share_out(max_tasks)
        self._tasks: set[asyncio.Task[None] | None] = set()

    def put(self, key: Key) -> None:
        """Works on the key once the queue hands it out."""
        self._ready.put(key)
        if len(self._tasks) < self._max_tasks:
            self._tasks.add(self._create_task(self._work_on_keys()))

    async def _work_on_keys(self) -> None:
        while (key := self._ready.take_now()) is not None:
            try:
                await self._work(key)
            finally:
                self._ready.release(key)
        # At once, and not when the task is done: a key that is put meanwhile needs another task.
        self._tasks.discard(asyncio.current_task())
