"""Members of groups in order, each found, added and removed without a look at the others."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)
Group = TypeVar("Group", bound=Hashable)
Entry = TypeVar("Entry", bound=Any)
"""A value with an order; those of two members of a group are never equal."""


class OrderedGroups(Generic[Member, Group, Entry]):
    """A sorted list of entries for each group; each member has one entry in at most one group."""

    def __init__(self) -> None:
        self._of: dict[Member, tuple[Group, Entry]] = {}
        self._groups: dict[Group, list[Entry]] = {}

    @property
    def groups(self) -> Mapping[Group, Sequence[Entry]]:
        """The entries by group, sorted; it changes with each `put` and `remove`."""
        return self._groups

    def put(self, member: Member, group: Group, entry: Entry) -> None:
        """Sets the group and the entry of a member."""
        if self._of.get(member) == (group, entry):
            return
        self.remove(member)
        self._of[member] = (group, entry)
        insort(self._groups.setdefault(group, []), entry)

    def remove(self, member: Member) -> None:
        """Removes the entry of a member, if it has one."""
        if member not in self._of:
            return
        group, entry = self._of.pop(member)
        entries = self._groups[group]
        del entries[bisect_left(entries, entry)]
        if not entries:
            del self._groups[group]
