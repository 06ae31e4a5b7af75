"""Two replicas and one Lease: the leader is killed, frozen and cut off; nothing is done twice.

The fault happens while a job trains. After the other replica has taken over, the old
leader comes back, and may change nothing any more.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import pytest

from devcluster.cluster import Cluster

from .environment import shared
from .environment.fixture import RunEnvironment, SharedEnvironment
from .injection.request_log import Entry
from .invariants import invariants
from .runs import fresh_name
from .scenarios.catalogue import SCENARIOS
from .scenarios.scenario import HUB

pytestmark = [pytest.mark.cluster, pytest.mark.faults]
LEASE_SECONDS = 60
"""So long that a busy machine does not keep a healthy leader from renewing its lease."""
LEASE_READS = LEASE_SECONDS + 3
"""The most reads of the Lease between its last renewal and the takeover, on a machine of any speed.

The other replica reads it at most once a second. One read may precede the renewal, one sees it first,
and one finds that the lease has run out.
"""
Failure = Callable[[RunEnvironment, int], Awaitable[None]]


@pytest.fixture
async def shared_env(control_plane: Cluster) -> AsyncIterator[SharedEnvironment]:
    async with shared.shared_environment(control_plane.kubeconfig) as made:
        yield made


def effects(env: RunEnvironment, replica: int) -> list[Entry]:
    """Writes by that replica that the API server took, but those about who leads, and Events."""
    return [
        entry
        for entry in env.log.writes
        if entry.replica == replica
        and entry.kind.resource not in ("leases", "events")
        and 200 <= entry.status < 300
    ]


def leader(env: RunEnvironment) -> int | None:
    """Which replica wrote last."""
    writers = [n for n in (0, 1) if effects(env, n)]
    return max(writers, key=lambda n: effects(env, n)[-1].began, default=None)


def assert_taken_when_it_had_run_out(env: RunEnvironment, first: int, other: int) -> None:
    """The other replica took the Lease after its last renewal had run out, at its first look then."""
    lease = [entry for entry in env.log.entries if entry.kind.resource == "leases"]
    renewed = [
        entry
        for entry in lease
        if entry.write and entry.replica == first and 200 <= entry.status < 300
    ][-1]
    taken = next(
        entry
        for entry in lease
        if entry.write and entry.replica == other and entry.began > renewed.began
    )
    assert taken.body is not None and renewed.body is not None
    acquired = datetime.fromisoformat(taken.body["spec"]["acquireTime"])
    until = datetime.fromisoformat(renewed.body["spec"]["renewTime"])
    assert (acquired - until).total_seconds() >= LEASE_SECONDS
    reads = [
        entry
        for entry in lease
        if entry.replica == other and not entry.write and entry.answered == 200
        if renewed.began < entry.began < taken.began
    ]
    assert len(reads) <= LEASE_READS


async def killed(env: RunEnvironment, number: int) -> None:
    env.operators[number].stays_down = True
    env.operators[number].kill()


async def frozen(env: RunEnvironment, number: int) -> None:
    env.operators[number].signal(signal.SIGSTOP)


async def cut_off(env: RunEnvironment, number: int) -> None:
    env.proxies[number].partitioned = True


async def test_the_other_replica_takes_over_and_nothing_is_done_twice(
    shared_env: SharedEnvironment,
) -> None:
    # At the same time, since each mostly waits until the lease has run out.
    async with asyncio.TaskGroup() as group:
        for failure in (killed, frozen, cut_off):
            group.create_task(lose_the_leader(shared_env, failure))


async def lose_the_leader(shared_env: SharedEnvironment, failure: Failure) -> None:
    """One run with two replicas; its namespace is named after the failure."""
    name = fresh_name(f"replicas-{failure.__name__.replace('_', '-')}")
    settings = {
        "LEADER_ELECTION": "true",
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "LEASE_NAMESPACE": name,
    }
    script = SCENARIOS["suspended"].script  # the first attempt trains until it is stopped
    async with RunEnvironment(shared_env, name, script, replicas=2, settings=settings) as env:
        await env.create("job", HUB)
        await env.until("training runs", lambda: env.trains("job"))
        first = leader(env)
        assert first is not None
        other = 1 - first
        assert not effects(env, other), "only the leader writes"

        await failure(env, first)
        await env.edit("job", suspend=True)
        await env.until("the other replica acts", lambda: effects(env, other))
        assert_taken_when_it_had_run_out(env, first, other)

        env.operators[first].signal(signal.SIGCONT)
        env.proxies[first].partitioned = False
        await env.until("phase Suspended", lambda: not env.history.newest("pods")[1:])
        await env.edit("job", suspend=False)
        await env.wait_until_finished("job")
        await env.wait_until_quiet()

        took_over = effects(env, other)[0].began
        late = [str(entry) for entry in effects(env, first) if entry.began > took_over]
        assert not late, "the old leader changed something after the new one began"
        assert not [v for rule in invariants.RUN_INVARIANTS for v in rule(env.history, env.log)]
        assert not list(invariants.ends_match(env.history, {"job": "Completed"}))
        assert not env.failures
