"""Scenarios in which other actors interfere: queues, pools, quotas, objects that are missing at first."""

from __future__ import annotations

import asyncio
import copy
import time
from dataclasses import replace
from functools import partial

from tests.faults.environment import nodes
from tests.faults.environment.fixture import RunEnvironment
from tests.faults.invariants.invariants import LABEL_LATE
from tests.kit import termination_messages
from tests.kit.api.paths import JOBS
from tests.kit.cluster import fake_kueue
from tests.kit.cluster.fake_kubelet import PodBehavior, PodIdentity

from dpojob_api.base import JSONObject
from dpojob_api.constants import LABEL_STAGE, STAGE_INSPECT

from .scenario import (
    HOUR,
    PUSHED,
    TUNED,
    Scenario,
    all_succeed,
    first_attempt_runs_until_deleted,
    has_progress,
    one_pushed_job,
    phase,
    suspend_midway,
    training,
)

NOWHERE = {"faults.dpojob.dev/node": "none"}
"""Labels that no node has."""
DAY = str(24 * HOUR)
DAY_STEP_SECONDS = 6 * HOUR
"""How much time passes between two looks at a job that waits for a day."""


def _has_reason(env: RunEnvironment, type_: str, reason: str) -> bool:
    return bool(env.condition("job", type_).get("reason") == reason)


async def _wait_for_reason(env: RunEnvironment, type_: str, reason: str) -> None:
    await env.until(f"{type_} says {reason}", partial(_has_reason, env, type_, reason))


async def _held_by_the_queue(env: RunEnvironment) -> JSONObject:
    """The training Job, once the DPOJob reports that it is held and no pod is left."""
    await env.until("the queue holds it", lambda: _queued(env))
    return training(env, "jobs")[0]


def _queued(env: RunEnvironment) -> bool:
    held = env.condition("job", "Suspended")
    suspended = (held.get("status"), held.get("reason")) == ("True", "SuspendedByQueue")
    return suspended and bool(training(env, "jobs")) and not training(env, "pods")


def _inspections(env: RunEnvironment) -> list[JSONObject]:
    jobs = env.history.newest("jobs")
    return [job for job in jobs if job["metadata"]["labels"][LABEL_STAGE] == STAGE_INSPECT]


async def _create_in_a_queue(env: RunEnvironment) -> None:
    """A job whose inspection the queue holds, and then admits."""
    await env.create("job", PUSHED, fake_kueue.QUEUE)
    await env.until(
        "the queue holds the inspection",
        lambda: _has_reason(env, "DatasetValid", "SuspendedByQueue") and bool(_inspections(env)),
    )
    await env.patch_job(_inspections(env)[0], fake_kueue.admission(nodes.FLAVOR))


async def _queues(env: RunEnvironment) -> None:
    await _create_in_a_queue(env)
    await env.patch_job(await _held_by_the_queue(env), fake_kueue.admission(nodes.FLAVOR))
    await env.until("progress is seen", lambda: has_progress(env, "job"))
    await env.patch_job(training(env, "jobs")[0], fake_kueue.eviction())
    await env.patch_job(
        await _held_by_the_queue(env), fake_kueue.template_restoration(nodes.FLAVOR)
    )
    await env.patch_job(training(env, "jobs")[0], fake_kueue.admission(nodes.FLAVOR))
    await env.wait_until_finished("job")


async def _suspended_in_the_queue(env: RunEnvironment) -> None:
    await _create_in_a_queue(env)
    await _held_by_the_queue(env)
    await env.edit("job", suspend=True)
    await env.until("the Job is withdrawn", lambda: not training(env, "jobs"))
    await env.until("phase Suspended", lambda: phase(env, "job") == "Suspended")
    await env.edit("job", suspend=False)
    await env.patch_job(await _held_by_the_queue(env), fake_kueue.admission(nodes.FLAVOR))
    await env.wait_until_finished("job")


async def _waits_for_its_pool(env: RunEnvironment) -> None:
    # An old list, as a restart may get it, then always holds the pool before this edit.
    await env.until("the pools are listed", lambda: env.log.answered("list gpupools", 0.0))
    await env.edit_pool(nodeSelector=dict.fromkeys(nodes.LABELS) | NOWHERE)
    await env.create("job", PUSHED)
    await _wait_for_reason(env, "Training", "NoNodeFits")


async def _pool_moves(env: RunEnvironment) -> None:
    env.kubelet.let_go(STAGE_INSPECT)
    await _waits_for_its_pool(env)
    await env.edit_pool(nodeSelector=dict(nodes.LABELS))
    await env.until("the second attempt trains", lambda: env.trains("job", attempt=2))
    await env.edit_pool(hourlyPrice="99.00")
    await env.delete_pool()
    env.kubelet.let_go()
    await env.wait_until_finished("job")


async def _pool_returns(env: RunEnvironment) -> None:
    await _waits_for_its_pool(env)
    await env.delete_pool()
    await _wait_for_reason(env, "Planned", "NoPools")
    await env.create_pool()
    await env.wait_until_finished("job")


async def _pool_away_while_suspended(env: RunEnvironment) -> None:
    await suspend_midway(env)
    await env.delete_pool()
    deleted = time.monotonic()
    # Until the operator has seen the deletion it may plan on the pool; the first list may be an old one.
    await env.until(
        "the operator lists the pools without it",
        lambda: env.log.answered("list gpupools", deleted) >= 2,
    )
    await env.edit("job", suspend=False)
    await _wait_for_reason(env, "Planned", "NoPools")
    await env.create_pool()
    await env.wait_until_finished("job")


async def _pool_lost(env: RunEnvironment) -> None:
    await _waits_for_its_pool(env)
    await env.delete_pool()
    await _wait_for_reason(env, "Planned", "NoPools")
    await _let_days_pass(env)


async def _let_days_pass(env: RunEnvironment) -> None:
    """Until the job has ended; an operator that was restarted waits anew."""

    def ended() -> bool:
        env.clock.forward(DAY_STEP_SECONDS)
        return env.condition_is_true("job", "Finished")

    await env.until("DPOJob job has ended", ended)


async def _allow_no_jobs(env: RunEnvironment) -> str:
    """Creates a ResourceQuota that refuses all Jobs; one that allows the first may count it late. Returns its path."""
    collection = f"/api/v1/namespaces/{env.name}/resourcequotas"
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/jobs.batch": "0"}}}
    await env.api.call("POST", collection, quota)
    path = f"{collection}/none"
    while not ((await env.api.get(path) or {}).get("status") or {}).get("hard"):
        await asyncio.sleep(0.2)
    return path


async def _refused(env: RunEnvironment) -> None:
    path = await _allow_no_jobs(env)
    await env.create("job", PUSHED)
    await _wait_for_reason(env, "DatasetValid", "QuotaExceeded")
    await env.api.call("DELETE", path)
    await env.wait_until_finished("job")


async def _claim_comes_late(env: RunEnvironment) -> None:
    await env.create("job", TUNED)
    await _wait_for_reason(env, "DatasetValid", "ClaimNotFound")
    await env.create_claim("models")
    await env.wait_until_finished("job")


async def _create_comes_late(env: RunEnvironment) -> None:
    """The create of the first attempt's Job takes effect while the second attempt trains."""
    await env.create("job", PUSHED)
    await env.until("it inspects", lambda: env.kubelet.running)
    path = await _allow_no_jobs(env)
    env.kubelet.let_go(STAGE_INSPECT)
    await _wait_for_reason(env, "Training", "QuotaExceeded")
    await env.edit("job", suspend=True)
    await env.until("phase Suspended", lambda: phase(env, "job") == "Suspended")
    refused = next(e for e in reversed(env.log.writes) if str(e.kind) == "create jobs").body
    late = copy.deepcopy(refused or {})
    late["metadata"]["labels"][LABEL_LATE] = "true"
    await env.api.call("DELETE", path)
    await env.edit("job", suspend=False)
    await env.until("the second attempt trains", lambda: env.trains("job", attempt=2))
    await env.api.call("POST", JOBS.format(env.name), late)
    await env.until("the late Job was seen", lambda: len(env.history.by_uid("jobs")) == 3)
    await env.until("the late Job is gone", lambda: len(training(env, "jobs")) == 1)
    env.kubelet.let_go()
    await env.wait_until_finished("job")


async def _secret_is_missing(env: RunEnvironment) -> None:
    await env.create("job", {**PUSHED, "hubTokenSecret": {"name": "hub"}})
    await env.until("the pod waits", lambda: _pod_waits(env))
    await _let_days_pass(env)


def _pod_waits(env: RunEnvironment) -> bool:
    pods = env.history.newest("pods")
    return any(pod["status"].get("containerStatuses") for pod in pods)


# -- the pods' parts --------------------------------------------------------------------------


def _evicted_once(identity: PodIdentity) -> PodBehavior:
    if identity.stage == "inspect":
        return all_succeed(identity)
    return (
        PodBehavior(until_deleted=True)
        if identity.nth == 1
        else PodBehavior(message=termination_messages.trained(1, termination_messages.HALF))
    )


def _second_attempt_trains_until_let_go(identity: PodIdentity) -> PodBehavior:
    """What the user does while it inspects and while it trains is done then, however long it takes."""
    if identity.stage == STAGE_INSPECT:
        return replace(all_succeed(identity), until_let_go=True)
    if identity.attempt == 1:
        return PodBehavior(until_deleted=True)
    return PodBehavior(message=termination_messages.trained(2), until_let_go=True)


def _no_secret(_: PodIdentity) -> PodBehavior:
    return PodBehavior(
        starts=False, reason="CreateContainerConfigError", message='secret "hub" not found'
    )


def _out_of_main_memory(identity: PodIdentity) -> PodBehavior:
    return (
        all_succeed(identity)
        if identity.stage == "inspect"
        else PodBehavior(exit_code=137, reason="OOMKilled")
    )


EXTERNAL_EVENTS = (
    Scenario("queues", _queues, _evicted_once, {"job": "Completed"}),
    Scenario("suspended-in-queue", _suspended_in_the_queue, all_succeed, {"job": "Completed"}),
    Scenario("pool-moves", _pool_moves, _second_attempt_trains_until_let_go, {"job": "Completed"}),
    Scenario(
        "pool-returns",
        _pool_returns,
        all_succeed,
        {"job": "Completed"},
        {"MISSING_GRACE_SECONDS": DAY},
    ),
    Scenario(
        "pool-away",
        _pool_away_while_suspended,
        first_attempt_runs_until_deleted,
        {"job": "Completed"},
        {"MISSING_GRACE_SECONDS": DAY},
    ),
    Scenario(
        "pool-lost", _pool_lost, all_succeed, {"job": "NoPools"}, {"MISSING_GRACE_SECONDS": DAY}
    ),
    Scenario("refused", _refused, all_succeed, {"job": "Completed"}),
    Scenario(
        "claim-late",
        _claim_comes_late,
        all_succeed,
        {"job": "Completed"},
        {"MISSING_GRACE_SECONDS": DAY},
    ),
    Scenario(
        "secret-missing",
        _secret_is_missing,
        _no_secret,
        {"job": "SecretNotFound"},
        {"SECRET_GRACE_SECONDS": DAY},
    ),
    Scenario(
        "create-late",
        _create_comes_late,
        _second_attempt_trains_until_let_go,
        {"job": "Completed"},
    ),
    Scenario("killed-for-memory", one_pushed_job, _out_of_main_memory, {"job": "OutOfMemory"}),
)
