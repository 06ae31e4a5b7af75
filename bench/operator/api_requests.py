"""Requests of controllers to the API server, by verb and resource, from its audit log."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

LONG_RUNNING = ("watch",)
"""Verbs of streams, whose number follows time and not jobs."""
STATUS_WRITES = ("update", "dpojobs/status")
"""Verb and resource of a write of a DPOJob's status."""
OWN_RESOURCES = ("leases", "selfsubjectaccessreviews", "tokenreviews", "subjectaccessreviews")
"""Resources of a controller's own housekeeping."""


@dataclass
class Requests:
    """Requests of one or several accounts."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """The requests by verb and resource."""
    bytes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Bodies of requests and answers as JSON, where the audit log holds them."""
    codes: Counter[int] = field(default_factory=Counter)
    """The answers by HTTP status."""

    @property
    def total(self) -> int:
        """Requests that follow jobs: neither watches nor a controller's own housekeeping."""
        return sum(self.by_job().values())

    def by_job(self) -> Counter[tuple[str, str]]:
        """The counts of requests that follow jobs."""
        return Counter({key: count for key, count in self.counts.items() if _follows_jobs(key)})

    def bytes_by_job(self) -> Counter[tuple[str, str]]:
        """The bytes of requests that follow jobs."""
        return Counter({key: size for key, size in self.bytes.items() if _follows_jobs(key)})


def _follows_jobs(key: tuple[str, str]) -> bool:
    verb, resource = key
    return verb not in LONG_RUNNING and resource.partition("/")[0] not in OWN_RESOURCES


@dataclass(frozen=True)
class Position:
    """The end of an audit log at one moment."""

    inode: int
    """The file that the API server wrote to; a rotation renames it and begins another one."""
    offset: int


class AuditLog:
    """The audit log of an API server, read from one moment to another."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def position(self) -> Position:
        """The end of the log now; the API server makes the file when it starts."""
        return _end(self._path.stat())

    def requests(self, user_prefix: str, since: Position) -> Requests:
        """The requests after a position of users whose name begins so; RuntimeError where the log was rotated since."""
        found = Requests()
        for event in self._events(user_prefix, since):
            _count(found, event)
        return found

    def moments(
        self, user_prefix: str, since: Position, request: tuple[str, str]
    ) -> dict[str, list[datetime]]:
        """When a request of that verb and resource was received after a position, by the object's name."""
        found: dict[str, list[datetime]] = {}
        for event in self._events(user_prefix, since):
            if _verb_and_resource(event) == request:
                received = datetime.fromisoformat(event["requestReceivedTimestamp"])
                found.setdefault(event["objectRef"]["name"], []).append(received)
        return found

    def _events(self, user_prefix: str, since: Position) -> Iterator[dict[str, Any]]:
        """One event of each request."""
        with self._path.open("rb") as log:
            now = _end(os.fstat(log.fileno()))
            if now.inode != since.inode or now.offset < since.offset:
                raise RuntimeError("the audit log was rotated during the measurement")
            log.seek(since.offset)
            for line in log:
                if user_prefix.encode() in line and line.endswith(b"\n"):
                    event = json.loads(line)
                    if _is_a_request(event, user_prefix):
                        yield event


def most_within(moments: Iterable[datetime], window: timedelta) -> int:
    """The largest number of moments of which the last comes less than `window` after the first."""
    ordered = sorted(moments)
    first, most = 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def _end(status: os.stat_result) -> Position:
    return Position(status.st_ino, status.st_size)


def _is_a_request(event: dict[str, Any], user_prefix: str) -> bool:
    if not event["user"]["username"].startswith(user_prefix):
        return False
    if event["verb"] in LONG_RUNNING:
        return bool(event["stage"] == "ResponseStarted")
    return event["stage"] in ("ResponseComplete", "ResponseStarted")


def _verb_and_resource(event: dict[str, Any]) -> tuple[str, str]:
    reference = event.get("objectRef") or {}
    resource = reference.get("resource") or event["requestURI"].partition("?")[0]
    if subresource := reference.get("subresource"):
        resource += f"/{subresource}"
    return event["verb"], resource


def _count(found: Requests, event: dict[str, Any]) -> None:
    request = _verb_and_resource(event)
    found.counts[request] += 1
    found.codes[int((event.get("responseStatus") or {}).get("code", 0))] += 1
    for body in ("requestObject", "responseObject"):
        if body in event:
            size = len(json.dumps(event[body], separators=(",", ":")))
            found.bytes[request] += size
