"""The turns a DPOJob can take: what the user does, what the pods do, and how it must end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from dpojob_api.names import LABEL_JOB_UID, LABEL_STAGE, STAGE_TRAIN

from . import words
from .api import JOBS, Object
from .player import Play, Role, Script
from .world import World

HUB = {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}}
"""The shortest spec: the operator makes a claim for the model."""
PUSHED = {**HUB, "output": {"push": "org/tuned"}}
"""Without a claim."""
HOUR = 3600.0
HOLDS = Play(holds=True)


def good(role: Role) -> Play:
    """Everything succeeds at the first try."""
    if role.stage == "inspect":
        return Play(word=words.valid())
    resumed = words.HALF if role.attempt > 1 else None
    return Play(word=words.trained(role.attempt, resumed))


@dataclass(frozen=True)
class Scenario:
    """One of the turns."""

    name: str
    act: Callable[[World], Awaitable[None]]
    """The user's part; returns when nothing more is to happen."""
    script: Script = good
    ends: Mapping[str, str] = field(default_factory=dict)
    """Reason of the terminal condition by DPOJob; what is not named here is gone at the end."""


# -- the user's parts -------------------------------------------------------------------------


async def _one(world: World) -> None:
    await world.create("job", HUB)
    await world.finished("job")


async def _pushed(world: World) -> None:
    await world.create("job", PUSHED)
    await world.finished("job")


async def _suspend_and_resume(world: World) -> None:
    await world.create("job", PUSHED)
    # Not earlier: which step is recorded would be a matter of luck.
    await world.until("progress is seen", lambda: _progress(world, "job"))
    await world.edit("job", suspend=True)
    await world.until("nothing trains", lambda: not _training(world, "pods"))
    await world.until("phase Suspended", lambda: _phase(world, "job") == "Suspended")
    await world.edit("job", suspend=False)
    await world.finished("job")


async def _budget(world: World) -> None:
    await world.create("job", {**PUSHED, "budget": {"maxDuration": "1h"}})
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
    await world.until("nothing is left", lambda: not _anything(world))


async def _recreated(world: World) -> None:
    await world.create("job", HUB)
    await world.until("training runs", lambda: world.trains("job"))
    await world.delete("job")
    await world.until("the first is gone", lambda: world.job("job") is None)
    await world.create("job", HUB)
    await world.finished("job")
    # A garbage collector that has just learnt of a new kind takes half a minute.
    await world.until("nothing of the first is left", lambda: not _strangers(world))


async def _expires(world: World) -> None:
    await world.create("job", {**PUSHED, "ttlSecondsAfterFinished": 1})
    await world.until("nothing is left", lambda: world.history.gone and not _anything(world))


async def _child_deleted(world: World) -> None:
    await world.create("job", PUSHED)
    await world.until("training runs", lambda: world.trains("job"))
    # Before its UID is recorded, a vanished Job cannot be told from one that was never made.
    await world.until("its UID is recorded", lambda: _progress(world, "job"))
    for job in _training(world, "jobs"):
        path = f"{JOBS.format(world.name)}/{job['metadata']['name']}"
        await world.api.call("DELETE", path, {"propagationPolicy": "Background"})
    await world.finished("job")


async def _validated(world: World) -> None:
    await world.create("job", {**PUSHED, "validateOnly": True})
    await world.finished("job")


def _phase(world: World, name: str) -> str:
    return str(((world.job(name) or {}).get("status") or {}).get("phase", ""))


def _training(world: World, collection: str) -> list[Object]:
    newest = world.history.newest(collection)
    return [item for item in newest if item["metadata"]["labels"][LABEL_STAGE] == STAGE_TRAIN]


def _progress(world: World, name: str) -> bool:
    status = (world.job(name) or {}).get("status") or {}
    return bool((status.get("progress") or {}).get("step"))


def _strangers(world: World) -> list[Object]:
    living = {job["metadata"]["uid"] for job in world.history.newest("dpojobs")}
    children = [*world.history.newest("jobs"), *world.history.newest("pods")]
    return [c for c in children if c["metadata"]["labels"][LABEL_JOB_UID] not in living]


def _anything(world: World) -> bool:
    return any(world.history.newest(kind) for kind in ("dpojobs", "jobs", "pods"))


# -- the pods' parts --------------------------------------------------------------------------


def _bad_columns(role: Role) -> Play:
    return Play(code=1, word=words.invalid())


def _interrupted_once(role: Role) -> Play:
    if role.stage == "inspect":
        return good(role)
    if role.nth == 1:
        return Play(code=12, word=words.interrupted())
    return Play(word=words.trained(1, words.HALF))


def _crashes_once(role: Role) -> Play:
    if role.stage == "train" and role.nth == 1:
        return Play(code=1, word="Traceback: something unforeseen")
    return good(role)


def _out_of_memory(role: Role) -> Play:
    return good(role) if role.stage == "inspect" else Play(code=11, word=words.out_of_memory())


def _first_attempt_holds(role: Role) -> Play:
    holds = role.stage == "train" and role.attempt == 1 and role.incarnation == 1
    return HOLDS if holds else good(role)


def _two_hours_already(role: Role) -> Play:
    return good(role) if role.stage == "inspect" else Play(holds=True, age=2 * HOUR)


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("inspect-fails", _pushed, _bad_columns, {"job": "DatasetInvalid"}),
        Scenario("succeeds", _one, good, {"job": "Completed"}),
        Scenario("resumes", _pushed, _interrupted_once, {"job": "Completed"}),
        Scenario("retries", _pushed, _crashes_once, {"job": "Completed"}),
        Scenario("out-of-memory", _pushed, _out_of_memory, {"job": "OutOfMemory"}),
        Scenario("suspended", _suspend_and_resume, _first_attempt_holds, {"job": "Completed"}),
        Scenario("budget", _budget, _two_hours_already, {"job": "BudgetExceeded"}),
        Scenario("chained", _chained, good, {"first": "Completed", "second": "Completed"}),
        Scenario("deleted", _deleted, _first_attempt_holds),
        Scenario("recreated", _recreated, _first_attempt_holds, {"job": "Completed"}),
        Scenario("expires", _expires, good),
        Scenario("child-deleted", _child_deleted, _first_attempt_holds, {"job": "JobDeleted"}),
        Scenario("validates", _validated, good, {"job": "Validated"}),
    )
}
"""By name."""
