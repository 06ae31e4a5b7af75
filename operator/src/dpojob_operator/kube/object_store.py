"""The objects of one kind as this process last saw them: in lists, in watch events, in answers to its requests.

An object is replaced only by a newer one, and one that was deleted never comes back, so that the order in which
a watch and the answers arrive does not matter. The API server may be ahead of a store by the delay of its
watch: a decision that cannot be taken back, or that rests on an absence, is confirmed by a live read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .object_keys import Key, key_of

Value = TypeVar("Value")
GONE_SECONDS = 600.0
"""How long the UID of a deleted object is remembered: longer than any answer or event is in flight."""


@dataclass(frozen=True, slots=True)
class _Stored(Generic[Value]):
    uid: str
    version: int
    group: Key | None
    value: Value


class ObjectStore(Generic[Value]):
    """Values by namespace and name, read from objects of one kind."""

    def __init__(
        self,
        read: Callable[[Mapping[str, Any]], Value],
        group: Callable[[Mapping[str, Any]], Key | None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Starts empty.

        Args:
            read: Returns what is kept of an object; equal values count as no change.
            group: Returns what objects are looked up by beside their name; None for no group.
            clock: Seconds that never step.
        """
        self._read, self._group, self._clock = read, group, clock
        self._objects: dict[Key, _Stored[Value]] = {}
        self._groups: dict[Key, dict[Key, None]] = {}
        self._unannounced: set[Key] = set()
        """Objects of which a read brought a change before its event."""
        self._gone: dict[str, float] = {}
        """When the objects with these UIDs were seen deleted, the earliest first."""

    def get(self, key: Key) -> Value | None:
        """Returns what is kept of the object; None when it is not known to exist."""
        stored = self._objects.get(key)
        return None if stored is None else stored.value

    def identity(self, key: Key) -> tuple[str, int] | None:
        """Returns UID and resourceVersion of the object as it was last seen."""
        stored = self._objects.get(key)
        return None if stored is None else (stored.uid, stored.version)

    def of_group(self, group: Key) -> list[Value]:
        """Returns what is kept of the objects of a group, in no particular order."""
        return [self._objects[key].value for key in self._groups.get(group, ())]

    def values(self) -> list[Value]:
        """Returns what is kept of all objects."""
        return [stored.value for stored in self._objects.values()]

    def apply(self, raw: Mapping[str, Any]) -> bool:
        """Takes an object from a list, an event or the answer to a write.

        Args:
            raw: The object, with its whole metadata.

        Returns:
            Whether it is newer than what was known, and what is kept of it is different; also where a read
            brought the difference before.
        """
        changed, key = self._take(raw), key_of(raw)
        if key in self._unannounced:
            self._unannounced.discard(key)
            return True
        return changed

    def apply_read(self, raw: Mapping[str, Any]) -> None:
        """Takes an object from the answer to a read, whose change still counts as one when its event comes.

        Whoever reads an object may not be the one that has to react to its change.
        """
        if self._take(raw):
            self._unannounced.add(key_of(raw))

    def _take(self, raw: Mapping[str, Any]) -> bool:
        metadata, key = raw["metadata"], key_of(raw)
        uid, version = metadata["uid"], int(metadata["resourceVersion"])
        known = self._objects.get(key)
        if uid in self._gone or (known is not None and version <= known.version):
            return False
        value = self._read(raw)
        self._put(key, _Stored(uid, version, self._group(raw), value))
        return known is None or known.uid != uid or known.value != value

    def remove(self, key: Key, uid: str) -> bool:
        """Takes note that the object with that UID is deleted; returns whether it was known."""
        now = self._clock()
        self._gone[uid] = now
        while (first := next(iter(self._gone), None)) and now - self._gone[first] > GONE_SECONDS:
            del self._gone[first]
        known = self._objects.get(key)
        if known is None or known.uid != uid:
            return False
        self._drop(key)
        return True

    def retain(
        self, namespace: str | None, uids: Collection[str], version: int
    ) -> list[tuple[Key, Key | None]]:
        """Removes the objects that a complete list lacks.

        Args:
            namespace: What was listed; None for all namespaces.
            uids: Of all listed objects.
            version: The list's resourceVersion; what is newer stays.

        Returns:
            Key and group of each removed object.
        """
        missing = [
            (key, stored)
            for key, stored in self._objects.items()
            if stored.version <= version and namespace in (None, key[0]) and stored.uid not in uids
        ]
        for key, stored in missing:
            self.remove(key, stored.uid)
        return [(key, stored.group) for key, stored in missing]

    def _put(self, key: Key, stored: _Stored[Value]) -> None:
        known = self._objects.get(key)
        if known is not None and known.group != stored.group:
            self._drop(key)
        self._objects[key] = stored
        if stored.group is not None:
            self._groups.setdefault(stored.group, {})[key] = None

    def _drop(self, key: Key) -> None:
        stored = self._objects.pop(key)
        self._unannounced.discard(key)
        if stored.group is not None:
            members = self._groups[stored.group]
            members.pop(key, None)
            if not members:
                del self._groups[stored.group]
