"""The commits that branches of the hub point to, looked up in the background.

Users choose the repositories and the network chooses whether the hub answers, so no worker waits for
it: few look-ups run at once, queued fairly by the namespaces that want them, each with a total deadline
from its beginning; failures are remembered, and a hub that stays silent is not asked for a while.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

import aiohttp
from pydantic_core import from_json

from dpojob_operator.kube import NO_COMPRESSION, Key, read_body
from dpojob_operator.process.fair_tasks import FairTasks

from .inspection_key import COMMIT

log = logging.getLogger(__name__)
DEADLINE_SECONDS = 5.0
"""The longest time from the request to the hub to the result; waiting in the queue is not included."""
MAX_CONCURRENT = 4
MAX_BYTES = 8 * 2**20
"""An answer lists the files of the repository."""
REMEMBER_SECONDS = 30.0
"""Time between two look-ups of a branch."""
REMEMBER_FAILURE_SECONDS = 120.0
"""Time between two look-ups of a branch that was not resolved."""
MAX_TIMEOUTS = 4
"""Requests in a row without an answer, after which the hub counts as silent."""

Revision = tuple[str, str, str]
"""Kind ("models" or "datasets"), repository and revision."""


@dataclass(eq=False)  # A part of a queue's key, hashed as the object that it is.
class _Lookup:
    done: bool = False
    begun: bool = False
    commit: str | None = None
    waiting: set[Key] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)
    """Those that have a request for it in the queue: the first that is taken begins it for all."""


@dataclass(frozen=True)
class _Request:
    namespace: str
    revision: Revision
    lookup: _Lookup


class CommitLookup:
    """Resolves revisions to commits; an empty endpoint resolves none."""

    def __init__(self, endpoint: str, resolved: Callable[[Key], None]) -> None:
        """`resolved` is called with the key of each job that waits, when a look-up has ended."""
        self._endpoint = endpoint
        self._resolved = resolved
        self._requests: FairTasks[_Request] = FairTasks(
            self._take, lambda request: request.namespace, MAX_CONCURRENT
        )
        self._lookups: dict[Revision, _Lookup] = {}
        self._ended: list[tuple[float, Revision]] = []
        """A heap of the moments at which look-ups that have ended are forgotten."""
        self._timeouts = 0
        self._silent_until = 0.0

    def is_pending(self, revision: Revision, key: Key) -> bool:
        """Whether the commit is being looked up; starts the look-up where that is due."""
        if COMMIT.match(revision[2]) or not self._endpoint:
            return False
        now = time.monotonic()
        while self._ended and self._ended[0][0] <= now:
            del self._lookups[heapq.heappop(self._ended)[1]]
        lookup = self._lookups.get(revision)
        if lookup is None:
            if now < self._silent_until:
                return False
            lookup = self._lookups[revision] = _Lookup()
        if not lookup.done:
            lookup.waiting.add(key)
            if not lookup.begun and key[0] not in lookup.namespaces:
                lookup.namespaces.add(key[0])
                self._requests.put(_Request(key[0], revision, lookup))
        return not lookup.done

    def commit(self, revision: Revision) -> str | None:
        """The commit; None when it is not known, as for a private repository or a silent hub."""
        if COMMIT.match(revision[2]):
            return revision[2]
        lookup = self._lookups.get(revision)
        return None if lookup is None else lookup.commit

    async def _take(self, request: _Request) -> None:
        if not request.lookup.begun:
            request.lookup.begun = True
            await self._run(request.revision, request.lookup)

    async def _run(self, revision: Revision, lookup: _Lookup) -> None:
        if time.monotonic() >= self._silent_until:
            await self._resolve(revision, lookup)
        lookup.done = True
        remember = REMEMBER_FAILURE_SECONDS if lookup.commit is None else REMEMBER_SECONDS
        heapq.heappush(self._ended, (time.monotonic() + remember, revision))
        for key in lookup.waiting:
            self._resolved(key)

    async def _resolve(self, revision: Revision, lookup: _Lookup) -> None:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                lookup.commit = await self._request_commit(revision)
            self._timeouts = 0
        except TimeoutError:
            self._timeouts += 1
            if self._timeouts >= MAX_TIMEOUTS:
                self._silent_until = time.monotonic() + REMEMBER_FAILURE_SECONDS
            log.info("%s not resolved in time: its inspections are not shared", revision[1])
        except Exception as error:
            # Users choose the repository, and its owner what is answered for it.
            log.info("%s not resolved (%r): its inspections are not shared", revision[1], error)

    async def _request_commit(self, revision: Revision) -> str | None:
        kind, repository, name = revision
        url = f"{self._endpoint}/api/{kind}/{repository}/revision/{quote(name, safe='')}"
        async with (
            aiohttp.ClientSession(trust_env=True) as session,
            session.get(url, headers=NO_COMPRESSION) as answer,
        ):
            if answer.status != 200:
                return None
            found = from_json(await read_body(answer, MAX_BYTES))
        commit = found.get("sha") if isinstance(found, dict) else None
        return commit if isinstance(commit, str) and COMMIT.match(commit) else None
