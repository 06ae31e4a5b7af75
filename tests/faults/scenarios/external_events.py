"""Turns that others give a job: queues, pools, quotas, and what is missing when it is looked for."""

from __future__ import annotations

import asyncio
from functools import partial

from tests.faults.environment import nodes
from tests.faults.environment.fixture import World
from tests.kit import fake_kueue, termination_messages
from tests.kit.api_client import Object
from tests.kit.fake_kubelet import Play, Role

from .scenario import (
    HOUR,
    PUSHED,
    TUNED,
    Scenario,
    deleted,
    first_attempt_holds,
    good,
    made_again,
    no_strangers,
    phase,
    progressed,
    pushed,
    suspended_midway,
    training,
)

NOWHERE = {"faults.dpojob.dev/node": "none"}
"""Labels that no node has."""
DAY = str(24 * HOUR)


def _says(world: World, type_: str, reason: str) -> bool:
    return bool(world.condition("job", type_).get("reason") == reason)


async def _hears(world: World, type_: str, reason: str) -> None:
    await world.until(f"{type_} says {reason}", partial(_says, world, type_, reason))


async def _held_by_the_queue(world: World) -> Object:
    """The training Job, once the DPOJob says that it is held and no pod is left."""
    await world.until("the queue holds it", lambda: _queued(world))
    return training(world, "jobs")[0]


def _queued(world: World) -> bool:
    held = world.condition("job", "Suspended")
    says = (held.get("status"), held.get("reason")) == ("True", "SuspendedByQueue")
    return says and bool(training(world, "jobs")) and not training(world, "pods")


async def _queues(world: World) -> None:
    await world.create("job", PUSHED, fake_kueue.QUEUE)
    await world.patch_job(await _held_by_the_queue(world), fake_kueue.admission(nodes.FLAVOUR))
    await world.until("progress is seen", lambda: progressed(world, "job"))
    await world.patch_job(training(world, "jobs")[0], fake_kueue.eviction())
    await world.patch_job(
        await _held_by_the_queue(world), fake_kueue.template_restoration(nodes.FLAVOUR)
    )
    await world.patch_job(training(world, "jobs")[0], fake_kueue.admission(nodes.FLAVOUR))
    await world.finished("job")


async def _suspended_in_the_queue(world: World) -> None:
    await world.create("job", PUSHED, fake_kueue.QUEUE)
    await _held_by_the_queue(world)
    await world.edit("job", suspend=True)
    await world.until("the Job is withdrawn", lambda: not training(world, "jobs"))
    await world.until("phase Suspended", lambda: phase(world, "job") == "Suspended")
    await world.edit("job", suspend=False)
    await world.patch_job(await _held_by_the_queue(world), fake_kueue.admission(nodes.FLAVOUR))
    await world.finished("job")


async def _waits_for_its_pool(world: World) -> None:
    await world.edit_pool(nodeSelector=dict.fromkeys(nodes.LABELS) | NOWHERE)
    await world.create("job", PUSHED)
    await _hears(world, "Training", "Queued")


async def _pool_moves(world: World) -> None:
    await _waits_for_its_pool(world)
    await world.edit_pool(nodeSelector=dict(nodes.LABELS))
    await world.until("the second attempt trains", lambda: world.trains("job", attempt=2))
    await world.edit_pool(hourlyPrice="99.00")
    await world.delete_pool()
    await world.finished("job")


async def _pool_returns(world: World) -> None:
    await _waits_for_its_pool(world)
    await world.delete_pool()
    await _hears(world, "Planned", "NoPools")
    await world.create_pool()
    await world.finished("job")


async def _pool_away_while_suspended(world: World) -> None:
    await suspended_midway(world)
    await world.delete_pool()
    await world.edit("job", suspend=False)
    await _hears(world, "Planned", "NoPools")
    await world.create_pool()
    await world.finished("job")


async def _pool_lost(world: World) -> None:
    await _waits_for_its_pool(world)
    await world.delete_pool()
    await _hears(world, "Planned", "NoPools")
    world.clock.forward(25 * HOUR)
    await world.finished("job")


async def _refused(world: World) -> None:
    path = f"/api/v1/namespaces/{world.name}/resourcequotas"
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    await world.api.call("POST", path, quota)
    while not ((await world.api.get(f"{path}/none") or {}).get("status") or {}).get("hard"):
        await asyncio.sleep(0.2)
    await world.create("job", PUSHED)
    await _hears(world, "DatasetValid", "CreationRefused")
    await world.api.call("DELETE", f"{path}/none")
    await world.finished("job")


async def _claim_comes_late(world: World) -> None:
    await world.create("job", TUNED)
    await _hears(world, "DatasetValid", "ClaimNotFound")
    await world.create_claim("models")
    await world.finished("job")


async def _one_output(world: World) -> None:
    await world.create_claim("models")
    await world.create("first", TUNED)
    await world.until("the first trains", lambda: world.trains("first"))
    await world.create("second", TUNED)
    await world.finished("second")
    await deleted(world, "first")
    await no_strangers(world)


async def _replaced(world: World) -> None:
    await world.create_claim("models")
    await made_again(world, TUNED)


async def _secret_is_missing(world: World) -> None:
    await world.create("job", {**PUSHED, "hubTokenSecret": {"name": "hub"}})
    await world.until("the pod waits", lambda: _pod_waits(world))
    world.clock.forward(25 * HOUR)
    await world.finished("job")


def _pod_waits(world: World) -> bool:
    pods = world.history.newest("pods")
    return any(pod["status"].get("containerStatuses") for pod in pods)


# -- the pods' parts --------------------------------------------------------------------------


def _evicted_once(role: Role) -> Play:
    if role.stage == "inspect":
        return good(role)
    return (
        Play(holds=True)
        if role.nth == 1
        else Play(word=termination_messages.trained(1, termination_messages.HALF))
    )


def _second_attempt_takes_a_while(role: Role) -> Play:
    if role.stage == "inspect":
        return good(role)
    return Play(word=termination_messages.trained(role.attempt), seconds=2.0)


def _first_saves_for_long(role: Role) -> Play:
    holds = role.stage == "train" and role.incarnation == 1
    return Play(holds=True, saving=8.0) if holds else good(role)


def _no_secret(_: Role) -> Play:
    return Play(starts=False, reason="CreateContainerConfigError", word='secret "hub" not found')


def _out_of_main_memory(role: Role) -> Play:
    return good(role) if role.stage == "inspect" else Play(code=137, reason="OOMKilled")


CIRCUMSTANCES = (
    Scenario("queues", _queues, _evicted_once, {"job": "Completed"}),
    Scenario("suspended-in-queue", _suspended_in_the_queue, good, {"job": "Completed"}),
    Scenario("pool-moves", _pool_moves, _second_attempt_takes_a_while, {"job": "Completed"}),
    Scenario(
        "pool-returns", _pool_returns, good, {"job": "Completed"}, {"MISSING_GRACE_SECONDS": DAY}
    ),
    Scenario(
        "pool-away",
        _pool_away_while_suspended,
        first_attempt_holds,
        {"job": "Completed"},
        {"MISSING_GRACE_SECONDS": DAY},
    ),
    Scenario("pool-lost", _pool_lost, good, {"job": "NoPools"}, {"MISSING_GRACE_SECONDS": DAY}),
    Scenario("refused", _refused, good, {"job": "Completed"}),
    Scenario(
        "claim-late", _claim_comes_late, good, {"job": "Completed"}, {"MISSING_GRACE_SECONDS": DAY}
    ),
    Scenario("one-output", _one_output, first_attempt_holds, {"second": "OutputOccupied"}),
    Scenario("replaced", _replaced, _first_saves_for_long, {"job": "Completed"}),
    Scenario(
        "secret-missing",
        _secret_is_missing,
        _no_secret,
        {"job": "SecretNotFound"},
        {"SECRET_GRACE_SECONDS": DAY},
    ),
    Scenario("killed-for-memory", pushed, _out_of_main_memory, {"job": "OutOfMemory"}),
)
