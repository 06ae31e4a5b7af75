"""The periodic listing of everything that is watched."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from tests.kit.waiting import run_event_loop

from dpojob_operator.controllers.dpojob import Resync, resync
from dpojob_operator.kube import ApiError, NotFound

KINDS = {"gpupools", "persistentvolumeclaims", "jobs", "pods", "costquotas", "dpojobs"}


class Lists:
    """A stand-in for the API client and the sink: one kind cannot be listed, all others are empty."""

    def __init__(self, plural: str, error: ApiError) -> None:
        self.plural, self.error = plural, error
        self.ended: list[str] = []

    async def scan(self, resource: Any, *_: Any) -> str:
        if resource.plural == self.plural:
            raise self.error
        return "1"

    def take_list(self, path: str, *_: Any) -> None:
        self.ended.append(path.rpartition("/")[2])


@pytest.mark.parametrize(
    ("plural", "error", "listed"),
    [
        ("costquotas", NotFound(404, "no such resource"), True),
        ("costquotas", ApiError(403, "forbidden"), False),
        ("gpupools", NotFound(404, "no such resource"), False),
    ],
)
async def test_only_the_crd_of_quotas_may_be_missing(
    plural: str, error: ApiError, listed: bool
) -> None:
    """An upgrade of the operator alone keeps the CRDs of a version before it."""
    lists: Any = Lists(plural, error)
    made = Resync(lists, (), 60.0, 15.0, lambda key: None, lists)
    await run_for_a_while(made)
    assert made.listed.is_set() is made.ready is listed
    assert set(lists.ended) == KINDS - {plural}


async def run_for_a_while(made: Resync) -> None:
    task = asyncio.create_task(made.run())
    await run_event_loop(100)
    task.cancel()


class SlowServer:
    """A stand-in for the API client and the sink: 100 DPOJobs, of which each takes a while to be answered."""

    def __init__(self, seconds: float = 0.0, failures: int = 0) -> None:
        self.seconds, self.failures = seconds, failures
        """The seconds of each object, and the failures of the first requests for each kind."""
        self.now = 0.0
        self.requests: Counter[str] = Counter()
        self.health: list[bool] = []
        self.resync = Resync(self, ("ns",), EVERY, REQUEST, lambda key: None, self)  # type: ignore[arg-type]

    async def scan(self, resource: Any, namespace: str, labels: Any, take: Any) -> str:
        plural = resource.plural
        self.requests[plural] += 1
        if self.requests[plural] <= self.failures:
            self.now += REQUEST
            self.health.append(self.resync.healthy)
            raise ApiError(0, "no answer")
        for number in range(100 if plural == "dpojobs" else 0):
            self.now += self.seconds
            self.health.append(self.resync.healthy)
            metadata = {"name": str(number), "namespace": namespace, "uid": str(number)}
            take({"metadata": metadata})
        return "1"

    def take_object(self, *_: Any) -> None:
        """Nothing is done with it."""

    def take_list(self, *_: Any) -> None:
        """Nothing is done with it."""


EVERY, REQUEST = 60.0, 15.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time of the server that is assigned to it; failed listings are repeated at once."""
    made = SimpleNamespace(server=SimpleNamespace(now=0.0))
    monkeypatch.setattr(resync, "time", SimpleNamespace(monotonic=lambda: made.server.now))
    monkeypatch.setattr(resync, "FIRST_RETRY", 0.0)
    return made


async def test_a_slow_listing_is_healthy_as_long_as_parts_of_it_are_answered(
    clock: SimpleNamespace,
) -> None:
    """It took longer than three intervals on a busy machine; a restart only begins it again."""
    clock.server = server = SlowServer(seconds=60.0)
    await run_for_a_while(server.resync)
    assert server.now > 3 * (EVERY + REQUEST)
    assert len(server.health) == 100 and all(server.health)
    assert server.resync.ready


async def test_without_any_answer_it_is_unhealthy_after_three_intervals(
    clock: SimpleNamespace,
) -> None:
    clock.server = server = SlowServer(failures=1000)
    await run_for_a_while(server.resync)
    within = int(3 * (EVERY + REQUEST) / REQUEST)
    assert len(server.health) > within
    assert server.health == [number < within for number in range(len(server.health))]
    assert not server.resync.ready


async def test_a_kind_that_was_listed_is_not_listed_again_because_another_fails(
    clock: SimpleNamespace,
) -> None:
    """With many failures, no series of listings without any would succeed."""
    clock.server = server = SlowServer(failures=2)
    await run_for_a_while(server.resync)
    assert server.requests == dict.fromkeys(KINDS, 3)
    assert all(server.health) and server.resync.ready
