"""The turns a DPOJob can take: what the user does, what the pods do, and how it must end."""

from __future__ import annotations

from tests.faults.environment.fixture import World
from tests.kit import termination_messages
from tests.kit.api_client import JOBS
from tests.kit.fake_kubelet import Play, Role

from .external_events import CIRCUMSTANCES
from .scenario import (
    HOUR,
    HUB,
    PUSHED,
    Scenario,
    anything,
    first_attempt_holds,
    good,
    made_again,
    progressed,
    pushed,
    suspended_midway,
    training,
)

# -- the user's parts -------------------------------------------------------------------------


async def _one(world: World) -> None:
    await world.create("job", HUB)
    await world.finished("job")


async def _suspend_and_resume(world: World) -> None:
    await suspended_midway(world)
    await world.edit("job", suspend=False)
    await world.finished("job")


async def _budget(world: World) -> None:
    await world.create("job", {**PUSHED, "budget": {"maxDuration": "1h"}})
    await world.until("progress is seen", lambda: progressed(world, "job"))
    world.clock.forward(2 * HOUR)
    await world.finished("job")


async def _chained(world: World) -> None:
    tuned = {**HUB, "model": {"fromJob": {"name": "first"}}}
    await world.create("second", tuned)
    await world.create("first", HUB)
    await world.finished("first", "second")


async def _deleted(world: World) -> None:
    await world.create("job", PUSHED)
    await world.until("training runs", lambda: world.trains("job"))
    await world.delete("job")
    await world.until("nothing is left", lambda: not anything(world))


async def _recreated(world: World) -> None:
    await made_again(world, HUB)


async def _expires(world: World) -> None:
    await world.create("job", {**PUSHED, "ttlSecondsAfterFinished": 24 * HOUR})
    await world.finished("job")
    world.clock.forward(25 * HOUR)
    await world.until("nothing is left", lambda: world.history.gone and not anything(world))


async def _child_deleted(world: World) -> None:
    await world.create("job", PUSHED)
    await world.until("training runs", lambda: world.trains("job"))
    # Before its UID is recorded, a vanished Job cannot be told from one that was never made.
    await world.until("its UID is recorded", lambda: progressed(world, "job"))
    for job in training(world, "jobs"):
        path = f"{JOBS.format(world.name)}/{job['metadata']['name']}"
        await world.api.call("DELETE", path, {"propagationPolicy": "Background"})
    await world.finished("job")


async def _validated(world: World) -> None:
    await world.create("job", {**PUSHED, "validateOnly": True})
    await world.finished("job")


# -- the pods' parts --------------------------------------------------------------------------


def _bad_columns(role: Role) -> Play:
    return Play(code=1, word=termination_messages.invalid())


def _interrupted_once(role: Role) -> Play:
    if role.stage == "inspect":
        return good(role)
    if role.nth == 1:
        return Play(code=12, word=termination_messages.interrupted())
    return Play(word=termination_messages.trained(1, termination_messages.HALF))


def _crashes_once(role: Role) -> Play:
    if role.stage == "train" and role.nth == 1:
        return Play(code=1, word="Traceback: something unforeseen")
    return good(role)


def _out_of_memory(role: Role) -> Play:
    return (
        good(role)
        if role.stage == "inspect"
        else Play(code=11, word=termination_messages.out_of_memory())
    )


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("inspect-fails", pushed, _bad_columns, {"job": "DatasetInvalid"}),
        Scenario("succeeds", _one, good, {"job": "Completed"}),
        Scenario("resumes", pushed, _interrupted_once, {"job": "Completed"}),
        Scenario("retries", pushed, _crashes_once, {"job": "Completed"}),
        Scenario("out-of-memory", pushed, _out_of_memory, {"job": "OutOfMemory"}),
        Scenario("suspended", _suspend_and_resume, first_attempt_holds, {"job": "Completed"}),
        Scenario("budget", _budget, first_attempt_holds, {"job": "BudgetExceeded"}),
        Scenario("chained", _chained, good, {"first": "Completed", "second": "Completed"}),
        Scenario("deleted", _deleted, first_attempt_holds),
        Scenario("recreated", _recreated, first_attempt_holds, {"job": "Completed"}),
        Scenario("expires", _expires, good),
        Scenario("child-deleted", _child_deleted, first_attempt_holds, {"job": "JobDeleted"}),
        Scenario("validates", _validated, good, {"job": "Validated"}),
        *CIRCUMSTANCES,
    )
}
"""By name."""
