"""All scenarios: what the user does, what the pods do, and how each DPOJob must end."""

from __future__ import annotations

from tests.faults.environment.fixture import RunEnvironment
from tests.kit import termination_messages
from tests.kit.api.paths import JOBS
from tests.kit.cluster.fake_kubelet import PodBehavior, PodIdentity

from .cost_quotas import COST_QUOTA_SCENARIOS
from .external_events import EXTERNAL_EVENTS
from .output_directories import OUTPUT_DIRECTORIES
from .scenario import (
    HOUR,
    HUB,
    PUSHED,
    Scenario,
    all_succeed,
    any_object_left,
    first_attempt_runs_until_deleted,
    has_progress,
    one_pushed_job,
    recreated,
    suspend_midway,
    training,
)

# -- the user's parts -------------------------------------------------------------------------


async def _one(env: RunEnvironment) -> None:
    await env.create("job", HUB)
    await env.wait_until_finished("job")


async def _suspend_and_resume(env: RunEnvironment) -> None:
    await suspend_midway(env)
    await env.edit("job", suspend=False)
    await env.wait_until_finished("job")


async def _budget(env: RunEnvironment) -> None:
    await env.create("job", {**PUSHED, "budget": {"maxDuration": "1h"}})
    await env.until("progress is seen", lambda: has_progress(env, "job"))
    env.clock.forward(2 * HOUR)
    await env.wait_until_finished("job")


async def _chained(env: RunEnvironment) -> None:
    tuned = {**HUB, "model": {"fromJob": {"name": "first"}}}
    await env.create("second", tuned)
    await env.create("first", HUB)
    await env.wait_until_finished("first", "second")


async def _deleted(env: RunEnvironment) -> None:
    await env.create("job", PUSHED)
    await env.until("training runs", lambda: env.trains("job"))
    await env.delete("job")
    await env.until("nothing is left", lambda: not any_object_left(env))


async def _recreated(env: RunEnvironment) -> None:
    await recreated(env, HUB)


async def _expires(env: RunEnvironment) -> None:
    await env.create("job", {**PUSHED, "ttlSecondsAfterFinished": 24 * HOUR})
    await env.wait_until_finished("job")
    env.clock.forward(25 * HOUR)
    await env.until("nothing is left", lambda: env.history.gone and not any_object_left(env))


async def _child_deleted(env: RunEnvironment) -> None:
    await env.create("job", PUSHED)
    await env.until("training runs", lambda: env.trains("job"))
    # Before its UID is recorded, a deleted Job cannot be distinguished from one that was never created.
    await env.until("its UID is recorded", lambda: has_progress(env, "job"))
    for job in training(env, "jobs"):
        path = f"{JOBS.format(env.name)}/{job['metadata']['name']}"
        await env.api.call("DELETE", path, {"propagationPolicy": "Background"})
    await env.wait_until_finished("job")


async def _validated(env: RunEnvironment) -> None:
    await env.create("job", {**PUSHED, "validateOnly": True})
    await env.wait_until_finished("job")


# -- the pods' parts --------------------------------------------------------------------------


def _bad_columns(identity: PodIdentity) -> PodBehavior:
    return PodBehavior(exit_code=1, message=termination_messages.invalid())


def _interrupted_once(identity: PodIdentity) -> PodBehavior:
    if identity.stage == "inspect":
        return all_succeed(identity)
    if identity.nth == 1:
        return PodBehavior(exit_code=12, message=termination_messages.interrupted())
    return PodBehavior(message=termination_messages.trained(1, termination_messages.HALF))


def _crashes_once(identity: PodIdentity) -> PodBehavior:
    if identity.stage == "train" and identity.nth == 1:
        return PodBehavior(exit_code=1, message="Traceback: something unforeseen")
    return all_succeed(identity)


def _out_of_memory(identity: PodIdentity) -> PodBehavior:
    return (
        all_succeed(identity)
        if identity.stage == "inspect"
        else PodBehavior(exit_code=11, message=termination_messages.out_of_memory())
    )


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("inspect-fails", one_pushed_job, _bad_columns, {"job": "DatasetInvalid"}),
        Scenario("succeeds", _one, all_succeed, {"job": "Completed"}),
        Scenario("resumes", one_pushed_job, _interrupted_once, {"job": "Completed"}),
        Scenario("retries", one_pushed_job, _crashes_once, {"job": "Completed"}),
        Scenario("out-of-memory", one_pushed_job, _out_of_memory, {"job": "OutOfMemory"}),
        Scenario(
            "suspended", _suspend_and_resume, first_attempt_runs_until_deleted, {"job": "Completed"}
        ),
        Scenario("budget", _budget, first_attempt_runs_until_deleted, {"job": "BudgetExceeded"}),
        Scenario("chained", _chained, all_succeed, {"first": "Completed", "second": "Completed"}),
        Scenario("deleted", _deleted, first_attempt_runs_until_deleted),
        Scenario("recreated", _recreated, first_attempt_runs_until_deleted, {"job": "Completed"}),
        Scenario("expires", _expires, all_succeed),
        Scenario(
            "child-deleted", _child_deleted, first_attempt_runs_until_deleted, {"job": "JobDeleted"}
        ),
        Scenario("validates", _validated, all_succeed, {"job": "Validated"}),
        *EXTERNAL_EVENTS,
        *OUTPUT_DIRECTORIES,
        *COST_QUOTA_SCENARIOS,
    )
}
"""The scenarios by name."""
