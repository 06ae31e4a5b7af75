"""The keys that are ready to be worked on, in a fair queue: no group of keys delays the others.

Keys of a group, such as a namespace, are taken in their order, and groups are served round-robin. A
group works on at most a share of the workers at once, so that a worker is free for another group's first
key even when every pass over this group's keys is slow.

Within a group, keys that can wait come after all others; of those that have waited for `PATIENCE` seconds, one
comes after every `LATER_EVERY` - 1 others. So of many new jobs, each is begun before what its children changed is
looked at, and several changes of one job take one pass.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
MAX_SHARE = 0.75
"""The share of the workers that may work on keys of one group at once."""
MAX_LATER_SHARE = 0.25
"""The share of the workers that may work on keys of one group that can wait: where there are many of them, the API
server still has time for what new jobs wait for, such as the Job controller."""
PATIENCE = 20.0
"""Seconds for which a key that can wait comes after all others of its group."""
LATER_EVERY = 4
"""In each series of this many keys of a group, the last is one that has waited for so long, where there is one."""


@dataclass
class _Group(Generic[Key]):
    """Keys of one group that are ready, the next one first."""

    first: deque[Key] = field(default_factory=deque)
    later: deque[tuple[Key, float]] = field(default_factory=deque)
    """Keys that can wait, each with the time until which it comes after all others."""
    served: int = 0
    """Keys taken of the group while one that can wait might have been."""

    def __len__(self) -> int:
        return len(self.first) + len(self.later)

    def takes_later(self, now: float) -> bool:
        """Whether the next key taken is one that can wait."""
        self.served += 1
        return not self.first or (
            bool(self.later) and self.served % LATER_EVERY == 0 and self.later[0][1] <= now
        )


class ReadyKeys(Generic[Key]):
    """A queue that is fair among groups; a key that was taken counts as worked on until it is released."""

    def __init__(
        self, group: Callable[[Key], Hashable], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`group` returns what keys are shared out by; `clock` seconds that never step."""
        self._group, self._clock = group, clock
        self._waiting: dict[Hashable, _Group[Key]] = {}
        """The groups with ready keys, that which is served next first."""
        self._count = 0
        """Keys in all groups."""
        self._taken: Counter[Hashable] = Counter()
        self._later_taken: set[Key] = set()
        """Those of the keys taken that can wait."""
        self._changed = asyncio.Event()
        self._max_taken_by_group = 1
        self._max_later_taken_by_group = 1

    def __len__(self) -> int:
        return self._count

    def share_out(self, workers: int) -> None:
        """Sets how many workers there are, of which a group gets its share at most."""
        self._max_taken_by_group = max(1, int(workers * MAX_SHARE))
        self._max_later_taken_by_group = max(1, int(workers * MAX_LATER_SHARE))

    def put(self, key: Key, *, later: bool = False) -> None:
        """Adds a key at the end of its group, or of those keys of its group that can wait."""
        group = self._waiting.setdefault(self._group(key), _Group())
        if later:
            group.later.append((key, self._clock() + PATIENCE))
        else:
            group.first.append(key)
        self._count += 1
        self._changed.set()

    async def take(self) -> Key:
        """Removes and returns the next key, once a group has one that may be worked on."""
        while (key := self.take_now()) is None:
            self._changed.clear()
            await self._changed.wait()
        return key

    def take_now(self) -> Key | None:
        """Removes and returns the next key; None when no group has one that may be worked on."""
        group = self._next_group()
        if group is None:
            return None
        keys = self._waiting.pop(group)
        if self._may_take_later(group) and keys.takes_later(self._clock()):
            key, _ = keys.later.popleft()
            self._later_taken.add(key)
        else:
            key = keys.first.popleft()
        self._count -= 1
        if keys:
            self._waiting[group] = keys  # at the end: every other group is served before
        self._taken[group] += 1
        return key

    def release(self, key: Key) -> None:
        """The work on a key that was taken is done."""
        group = self._group(key)
        self._later_taken.discard(key)
        self._taken[group] -= 1
        if not self._taken[group]:
            del self._taken[group]
        self._changed.set()

    def _next_group(self) -> Hashable | None:
        for group, keys in self._waiting.items():
            may_take = bool(keys.first) or self._may_take_later(group)
            if may_take and self._taken[group] < self._max_taken_by_group:
                return group
        return None

    def _may_take_later(self, group: Hashable) -> bool:
        taken = sum(self._group(key) == group for key in self._later_taken)
        return taken < self._max_later_taken_by_group
