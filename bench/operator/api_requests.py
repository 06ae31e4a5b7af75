"""Requests of controllers to the API server, by verb and resource, from its audit log."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONG_RUNNING = ("watch",)
"""Verbs of streams, whose number follows time and not jobs."""
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


class AuditLog:
    """The audit log of an API server, read from one moment to another."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def position(self) -> int:
        """The end of the log now."""
        return self._path.stat().st_size if self._path.exists() else 0

    def requests(self, user_prefix: str, since: int) -> Requests:
        """The requests after a position of users whose name begins so."""
        found = Requests()
        if self.position() < since:
            raise RuntimeError("the audit log was rotated during the measurement")
        with self._path.open("rb") as log:
            log.seek(since)
            for line in log:
                if user_prefix.encode() in line and line.endswith(b"\n"):
                    _count(found, json.loads(line), user_prefix)
        return found


def _count(found: Requests, event: dict[str, Any], user_prefix: str) -> None:
    if not event["user"]["username"].startswith(user_prefix):
        return
    if event["stage"] not in ("ResponseComplete", "ResponseStarted"):
        return
    reference = event.get("objectRef") or {}
    resource = reference.get("resource") or event["requestURI"].partition("?")[0]
    if subresource := reference.get("subresource"):
        resource += f"/{subresource}"
    verb = event["verb"]
    if verb in LONG_RUNNING and event["stage"] != "ResponseStarted":
        return
    found.counts[verb, resource] += 1
    found.codes[int((event.get("responseStatus") or {}).get("code", 0))] += 1
    for body in ("requestObject", "responseObject"):
        if body in event:
            size = len(json.dumps(event[body], separators=(",", ":")))
            found.bytes[verb, resource] += size
