"""The keys that are ready to be worked on, shared out by group, so that none delays the others.

Keys of a group, such as a namespace, are taken in their order; groups take turns. A group works on
at most a share of the workers at once, so that a worker is free for another group's first key even when
every pass over this group's keys is slow.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key")


class ReadyKeys(Generic[Key]):
    """A queue with turns by group; a key that was taken counts as worked on until it is released."""

    def __init__(self, group: Callable[[Key], Hashable]) -> None:
        self._group = group
        self._waiting: dict[Hashable, deque[Key]] = {}
        """By group, the next one first."""
        self._taken: Counter[Hashable] = Counter()
        self._changed = asyncio.Event()
        self.max_taken_by_group = 1
        """Keys of one group that may be worked on at once."""

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def put(self, key: Key) -> None:
        """Adds a key at the end of its group."""
        self._waiting.setdefault(self._group(key), deque()).append(key)
        self._changed.set()

    async def take(self) -> Key:
        """Removes and returns the next key, once a group has one that may be worked on."""
        while (group := self._next_group()) is None:
            self._changed.clear()
            await self._changed.wait()
        keys = self._waiting.pop(group)
        key = keys.popleft()
        if keys:
            self._waiting[group] = keys  # at the end: every other group has its turn before
        self._taken[group] += 1
        return key

    def release(self, key: Key) -> None:
        """The work on a key that was taken is done."""
        group = self._group(key)
        self._taken[group] -= 1
        if not self._taken[group]:
            del self._taken[group]
        self._changed.set()

    def _next_group(self) -> Hashable | None:
        for group in self._waiting:
            if self._taken[group] < self.max_taken_by_group:
                return group
        return None
