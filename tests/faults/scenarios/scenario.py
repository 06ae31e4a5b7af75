"""What a scenario is, and what its user can see."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.faults.environment.fixture import World
from tests.kit import termination_messages
from tests.kit.api_client import Object
from tests.kit.fake_kubelet import Play, Role, Script

from dpojob_api.constants import LABEL_JOB_UID, LABEL_STAGE, STAGE_TRAIN

HUB = {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}}
"""The shortest spec: the operator makes a claim for the model."""
PUSHED = {**HUB, "output": {"push": "org/tuned"}}
"""Without a claim."""
TUNED = {**HUB, "output": {"volume": {"claimName": "models", "path": "tuned"}}}
"""To a claim of the user's."""
HOUR = 3600
HOLDS = Play(holds=True)


def good(role: Role) -> Play:
    """Everything succeeds at the first try."""
    if role.stage == "inspect":
        return Play(word=termination_messages.valid())
    resumed = termination_messages.HALF if role.attempt > 1 else None
    return Play(word=termination_messages.trained(role.attempt, resumed))


@dataclass(frozen=True)
class Scenario:
    """One of the turns."""

    name: str
    act: Callable[[World], Awaitable[None]]
    """The user's part; returns when nothing more is to happen."""
    script: Script = good
    ends: Mapping[str, str] = field(default_factory=dict)
    """Reason of the terminal condition by DPOJob; what is not named here is gone at the end."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The operator's, where they differ from other runs'."""


def first_attempt_holds(role: Role) -> Play:
    """It trains until it is told to stop."""
    holds = role.stage == "train" and role.attempt == 1 and role.incarnation == 1
    return HOLDS if holds else good(role)


async def pushed(world: World) -> None:
    """The shortest way: one job, whose model goes to the hub."""
    await world.create("job", PUSHED)
    await world.finished("job")


def phase(world: World, name: str) -> str:
    """The DPOJob's, as last seen."""
    return str(((world.job(name) or {}).get("status") or {}).get("phase", ""))


def training(world: World, collection: str) -> list[Object]:
    """Training Jobs, or pods, that exist."""
    newest = world.history.newest(collection)
    return [item for item in newest if item["metadata"]["labels"][LABEL_STAGE] == STAGE_TRAIN]


def progressed(world: World, name: str) -> bool:
    """Whether its status tells of a step."""
    status = (world.job(name) or {}).get("status") or {}
    return bool((status.get("progress") or {}).get("step"))


async def suspended_midway(world: World) -> None:
    """A job that trained some steps, was suspended, and has come to a halt."""
    await world.create("job", PUSHED)
    # Not earlier: which step is recorded would be a matter of luck.
    await world.until("progress is seen", lambda: progressed(world, "job"))
    await world.edit("job", suspend=True)
    await world.until("nothing trains", lambda: not training(world, "pods"))
    await world.until("phase Suspended", lambda: phase(world, "job") == "Suspended")


def strangers(world: World) -> list[Object]:
    """Children of DPOJobs that are gone."""
    living = {job["metadata"]["uid"] for job in world.history.newest("dpojobs")}
    children = [*world.history.newest("jobs"), *world.history.newest("pods")]
    return [c for c in children if c["metadata"]["labels"][LABEL_JOB_UID] not in living]


async def deleted(world: World, name: str) -> None:
    """Deletes a DPOJob, and waits until it is gone; its children go later."""
    await world.delete(name)
    await world.until(f"{name} is gone", lambda: world.job(name) is None)


async def no_strangers(world: World) -> None:
    """Waits until the children of deleted DPOJobs are gone."""
    # A garbage collector that has just learnt of a new kind takes half a minute.
    await world.until("no child is left alone", lambda: not strangers(world))


async def made_again(world: World, spec: Object) -> None:
    """A job that is deleted while it trains, and created again under the same name."""
    await world.create("job", spec)
    await world.until("training runs", lambda: world.trains("job"))
    await deleted(world, "job")
    await world.create("job", spec)
    await world.finished("job")
    await no_strangers(world)


def anything(world: World) -> bool:
    """Whether anything is left."""
    return any(world.history.newest(kind) for kind in ("dpojobs", "jobs", "pods"))
