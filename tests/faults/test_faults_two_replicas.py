"""Two replicas and one Lease: the leader is killed, frozen and cut off; nothing is done twice.

The fault is played on a training job half-way. After the other replica has taken over, the old
leader comes back, and may change nothing any more.
"""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from devcluster.cluster import Cluster

from .environment import shared
from .environment.fixture import Stage, World
from .injection.request_log import Entry
from .invariants import invariants
from .runs import fresh_name
from .scenarios.catalogue import SCENARIOS
from .scenarios.scenario import HUB

pytestmark = [pytest.mark.cluster, pytest.mark.faults]
LEASE_SECONDS = 5
TAKEOVER_SECONDS = LEASE_SECONDS + 15
"""The lease runs out, the other replica looks, and starts its watches: docs/promise.md states it."""
Blow = Callable[[World, int], Awaitable[None]]


@pytest.fixture
async def stage(control_plane: Cluster) -> AsyncIterator[Stage]:
    async with shared.stage(control_plane.kubeconfig) as made:
        yield made


def effects(world: World, replica: int) -> list[Entry]:
    """Writes by that replica that the API server took, but those about who leads, and Events."""
    return [
        entry
        for entry in world.log.writes
        if entry.replica == replica
        and entry.kind.resource not in ("leases", "events")
        and 200 <= entry.status < 300
    ]


def leader(world: World) -> int | None:
    """Which replica wrote last."""
    writers = [n for n in (0, 1) if effects(world, n)]
    return max(writers, key=lambda n: effects(world, n)[-1].began, default=None)


async def killed(world: World, number: int) -> None:
    world.operators[number].stays_down = True
    world.operators[number].kill()


async def frozen(world: World, number: int) -> None:
    world.operators[number].signal(signal.SIGSTOP)


async def cut_off(world: World, number: int) -> None:
    world.proxies[number].partitioned = True


@pytest.mark.parametrize("blow", [killed, frozen, cut_off])
async def test_the_other_replica_takes_over_and_nothing_is_done_twice(
    stage: Stage, blow: Blow
) -> None:
    name = fresh_name("replicas")
    settings = {
        "LEADER_ELECTION": "true",
        "LEASE_SECONDS": str(LEASE_SECONDS),
        "LEASE_NAMESPACE": name,
    }
    script = SCENARIOS["suspended"].script  # the first attempt trains until it is told to stop
    async with World(stage, name, script, replicas=2, settings=settings) as world:
        await world.create("job", HUB)
        await world.until("training runs", lambda: world.trains("job"))
        first = leader(world)
        assert first is not None
        other = 1 - first
        assert not effects(world, other), "only the leader writes"

        await blow(world, first)
        struck = time.monotonic()
        await world.edit("job", suspend=True)
        await world.until("the other replica acts", lambda: effects(world, other))
        assert effects(world, other)[0].began - struck < TAKEOVER_SECONDS

        world.operators[first].signal(signal.SIGCONT)
        world.proxies[first].partitioned = False
        await world.until("phase Suspended", lambda: not world.history.newest("pods")[1:])
        await world.edit("job", suspend=False)
        await world.finished("job")
        await world.rest()

        took_over = effects(world, other)[0].began
        late = [str(entry) for entry in effects(world, first) if entry.began > took_over]
        assert not late, "the old leader changed something after the new one began"
        assert not [v for rule in invariants.DURING for v in rule(world.history, world.log)]
        assert not list(invariants.ends_match(world.history, {"job": "Completed"}))
        assert not world.failures
