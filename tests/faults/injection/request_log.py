"""Every request of a run, in order: what the invariants and the sweeps read."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from dpojob_api.base import JSONObject

from .fault_types import Kind

LIST_OF_DPOJOBS = Kind("list", "dpojobs")
OPERATOR_AGENT = "dpojob-operator"
"""The User-Agent of the operator's own client (kube/connection.py)."""


@dataclass
class Entry:
    """One request of the operator."""

    kind: Kind
    nth: int
    """The number of the request among those of its kind, from 1."""
    write: int
    """Its number among the writes, from 1; 0 for a read."""
    path: str
    process_number: int
    """Number of the operator's process that asked, from 1."""
    replica: int = 0
    agent: str = ""
    """The User-Agent: Kopf lists too."""
    body: JSONObject | None = None
    """What a write sent."""
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    """None while it is in flight."""
    status: int = 0
    """What the API server answered; 0: it was not asked, or did not answer."""
    answered: int = 0
    """The status that the proxy sent to the operator; 0: none."""
    events: int = 0
    """The number of events that passed in a watch."""

    def __str__(self) -> str:
        number = f" (write {self.write})" if self.write else ""
        return (
            f"{self.began % 1000:8.3f} process {self.process_number} {self.kind}#{self.nth}{number} {self.path} "
            f"-> {self.status}, answered {self.answered}"
        )


class Log:
    """The requests of one run, and their numbers."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._kinds: Counter[Kind] = Counter()
        self._writes = 0

    def add(
        self, kind: Kind, path: str, process_number: int, replica: int, agent: str = ""
    ) -> Entry:
        """Numbers the request and remembers it."""
        self._kinds[kind] += 1
        if kind.writes:
            self._writes += 1
        entry = Entry(
            kind, self._kinds[kind], self._writes if kind.writes else 0, path, process_number
        )
        entry.replica, entry.agent = replica, agent
        self.entries.append(entry)
        return entry

    @property
    def writes(self) -> list[Entry]:
        """All writes, forwarded or not."""
        return [entry for entry in self.entries if entry.write]

    def answered(self, kind: str, since: float) -> int:
        """How many requests of a kind began after a moment and were answered with 200."""
        return sum(
            str(entry.kind) == kind and entry.began > since and entry.answered == 200
            for entry in self.entries
        )

    def resyncs(self, since: float) -> int:
        """How many resyncs began after a moment, in one process of those that ran last, and were answered.

        Only those of one process are in a row: the first one of the next process may come right after. Kopf's own
        list does not queue the DPOJobs.
        """
        newest = {entry.replica: entry.process_number for entry in self.entries}
        counts = Counter(
            entry.replica
            for entry in self.entries
            if (entry.kind, entry.agent) == (LIST_OF_DPOJOBS, OPERATOR_AGENT)
            and entry.process_number == newest[entry.replica]
            and entry.began > since
            and entry.answered == 200
        )
        return max(counts.values(), default=0)

    def slowest_answer(self) -> float:
        """Seconds that the slowest read or write took which the API server answered; 0 without one."""
        answered = (
            e for e in self.entries if e.kind.verb != "watch" and e.answered == e.status == 200
        )
        return max((e.ended - e.began for e in answered if e.ended is not None), default=0.0)

    def has_written_since(self, moment: float) -> bool:
        """Whether a write that began after a moment was taken."""
        return any(e.began > moment and 200 <= e.status < 300 for e in self.writes)

    def last_write(self) -> float:
        """When a write was last taken, on the monotonic clock; a leader's lease aside.

        Now, while one is in flight.
        """
        now = time.monotonic()
        taken = (e for e in self.writes if e.kind.resource != "leases" and e.status < 400)
        return max((now if e.ended is None else e.ended for e in taken), default=0.0)
