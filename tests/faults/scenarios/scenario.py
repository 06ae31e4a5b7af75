"""What a scenario consists of, and the steps that several scenarios share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.faults.environment.fixture import RunEnvironment
from tests.kit import termination_messages
from tests.kit.cluster.fake_kubelet import PodBehavior, PodIdentity, PodScript

from dpojob_api.base import JSONObject
from dpojob_api.constants import LABEL_JOB_UID, LABEL_STAGE, STAGE_TRAIN

HUB = {"model": {"repo": "org/model"}, "dataset": {"repo": "org/pairs"}}
"""The shortest spec: the operator makes a claim for the model."""
PUSHED = {**HUB, "output": {"push": "org/tuned"}}
"""Without a claim."""
TUNED = {**HUB, "output": {"volume": {"claimName": "models", "path": "tuned"}}}
"""A job with an output on a claim of the user."""
HOUR = 3600
RUNS_UNTIL_DELETED = PodBehavior(until_deleted=True)


def all_succeed(identity: PodIdentity) -> PodBehavior:
    """Everything succeeds at the first try."""
    if identity.stage == "inspect":
        return PodBehavior(message=termination_messages.valid())
    resumed = termination_messages.HALF if identity.attempt > 1 else None
    return PodBehavior(message=termination_messages.trained(identity.attempt, resumed))


@dataclass(frozen=True)
class Scenario:
    """One scenario."""

    name: str
    user_actions: Callable[[RunEnvironment], Awaitable[None]]
    """The user's part; returns when nothing more is to happen."""
    script: PodScript = all_succeed
    expected_reasons: Mapping[str, str] = field(default_factory=dict)
    """Reason of the terminal condition by DPOJob; what is not named here is gone at the end."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The operator's, where they differ from other runs'."""


def first_attempt_runs_until_deleted(identity: PodIdentity) -> PodBehavior:
    """Its first training pod runs until the pod is deleted."""
    holds = identity.stage == "train" and identity.attempt == 1 and identity.incarnation == 1
    return RUNS_UNTIL_DELETED if holds else all_succeed(identity)


async def one_pushed_job(env: RunEnvironment) -> None:
    """One job, whose model goes to the hub."""
    await env.create("job", PUSHED)
    await env.wait_until_finished("job")


def phase(env: RunEnvironment, name: str) -> str:
    """The DPOJob's, as last seen."""
    return str(((env.job(name) or {}).get("status") or {}).get("phase", ""))


def training(env: RunEnvironment, collection: str) -> list[JSONObject]:
    """Training Jobs, or pods, that exist."""
    newest = env.history.newest(collection)
    return [item for item in newest if item["metadata"]["labels"][LABEL_STAGE] == STAGE_TRAIN]


def has_progress(env: RunEnvironment, name: str) -> bool:
    """Whether its status tells of a step."""
    status = (env.job(name) or {}).get("status") or {}
    return bool((status.get("progress") or {}).get("step"))


async def suspend_midway(env: RunEnvironment) -> None:
    """A job that trained some steps, was suspended, and has stopped."""
    await env.create("job", PUSHED)
    # Not earlier: which step is recorded would be a matter of luck.
    await env.until("progress is seen", lambda: has_progress(env, "job"))
    await env.edit("job", suspend=True)
    await env.until("nothing trains", lambda: not training(env, "pods"))
    await env.until("phase Suspended", lambda: phase(env, "job") == "Suspended")


def orphans(env: RunEnvironment) -> list[JSONObject]:
    """Children of DPOJobs that are gone."""
    living = {job["metadata"]["uid"] for job in env.history.newest("dpojobs")}
    children = [*env.history.newest("jobs"), *env.history.newest("pods")]
    return [c for c in children if c["metadata"]["labels"][LABEL_JOB_UID] not in living]


async def deleted(env: RunEnvironment, name: str) -> None:
    """Deletes a DPOJob, and waits until it is gone; its children go later."""
    await env.delete(name)
    await env.until(f"{name} is gone", lambda: env.job(name) is None)


async def wait_until_no_orphans(env: RunEnvironment) -> None:
    """Waits until the children of deleted DPOJobs are gone."""
    # A garbage collector that has just learnt of a new kind takes half a minute.
    await env.until("no child is left alone", lambda: not orphans(env))


async def recreated(env: RunEnvironment, spec: JSONObject) -> None:
    """A job that is deleted while it trains, and created again under the same name."""
    await env.create("job", spec)
    await env.until("training runs", lambda: env.trains("job"))
    await deleted(env, "job")
    await env.create("job", spec)
    await env.wait_until_finished("job")
    await wait_until_no_orphans(env)


def any_object_left(env: RunEnvironment) -> bool:
    """Whether any object of the run is left."""
    return any(env.history.newest(kind) for kind in ("dpojobs", "jobs", "pods"))
