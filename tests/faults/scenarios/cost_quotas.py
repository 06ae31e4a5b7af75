"""Scenarios of namespaces with a CostQuota: it holds a job back, counts a deleted one, and is used up."""

from __future__ import annotations

from tests.faults.environment.fixture import RunEnvironment
from tests.faults.invariants.cost_invariants import counted, spent
from tests.kit import termination_messages
from tests.kit.api.paths import COST_QUOTAS
from tests.kit.cluster.fake_kubelet import PodBehavior, PodIdentity
from tests.kit.operator.cost_quotas import costquota

from dpojob_api.base import JSONObject

from .scenario import (
    PUSHED,
    Scenario,
    all_succeed,
    deleted,
    first_attempt_runs_until_deleted,
    has_progress,
    wait_until_no_orphans,
)

NOTHING, ENOUGH = "0", "1000"
"""Limits below and above what the jobs cost."""
QUOTA = "team"


async def _create_quota(env: RunEnvironment, max_cost: str) -> None:
    await env.api.call("POST", COST_QUOTAS.format(env.name), costquota(QUOTA, max_cost))


async def _edit_quota(env: RunEnvironment, max_cost: str) -> None:
    path = f"{COST_QUOTAS.format(env.name)}/{QUOTA}"
    await env.api.merge(path, {"spec": {"maxCost": max_cost}})


async def _held_back(env: RunEnvironment) -> None:
    await _create_quota(env, NOTHING)
    await env.create("job", PUSHED)
    await env.until(
        "the quota holds it back",
        lambda: env.condition("job", "Ready").get("reason") == "CostQuotaExceeded",
    )
    await _edit_quota(env, ENOUGH)
    await env.wait_until_finished("job")
    await _until_counted(env)


async def _counted_when_deleted(env: RunEnvironment) -> None:
    await _create_quota(env, ENOUGH)
    await env.create("job", PUSHED)
    await env.wait_until_finished("job")
    # What is deleted before it was read is not counted, as docs/operate.md says.
    await _until_counted(env)
    held = counted(_quota(env))
    await deleted(env, "job")
    await env.until("it is no entry", lambda: not _quota(env)["status"].get("jobs"))
    await env.until("the sum holds it", lambda: counted(_quota(env)) == held)
    # Otherwise what is left at the end depends on how far the garbage collector is.
    await wait_until_no_orphans(env)


async def _until_counted(env: RunEnvironment) -> None:
    """Waits until the quota holds what the finished job has cost, which may be more.

    An entry never falls, and a running pod's may be ahead of the pod's own end.
    """
    job = env.job("job")
    assert job is not None
    cost = spent(job)
    await env.until("it is counted", lambda: counted(_quota(env)) >= cost)


def _quota(env: RunEnvironment) -> JSONObject:
    (quota,) = env.history.newest("costquotas")
    return quota


async def _used_up(env: RunEnvironment) -> None:
    await _create_quota(env, ENOUGH)
    await env.create("job", PUSHED)
    await env.until("progress is seen", lambda: has_progress(env, "job"))
    await _edit_quota(env, NOTHING)
    await env.wait_until_finished("job")
    await _until_counted(env)


def _takes_a_while(identity: PodIdentity) -> PodBehavior:
    """Training takes two seconds, so that it costs something."""
    if identity.stage == "inspect":
        return all_succeed(identity)
    return PodBehavior(message=termination_messages.trained(identity.attempt), seconds=2.0)


COST_QUOTA_SCENARIOS = (
    Scenario("quota-held", _held_back, all_succeed, {"job": "Completed"}),
    Scenario("quota-deleted", _counted_when_deleted, _takes_a_while),
    Scenario(
        "quota-used-up", _used_up, first_attempt_runs_until_deleted, {"job": "CostQuotaUsedUp"}
    ),
)
