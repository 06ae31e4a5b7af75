"""Sequences of edits between specs that are generated from the CRD's schema.

A suspended DPOJob is edited from one spec to the next, resumed, and edited once more while the operator
begins with it; the end must be the one of a DPOJob that had the last spec from the start. In every
other sequence the operator also crashes once.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable
from functools import partial

from tests.faults.environment.fixture import RunEnvironment, SharedEnvironment
from tests.faults.environment.stall_limit import ConvergenceTimeout
from tests.faults.injection.fault_types import Fault, Point
from tests.faults.invariants import invariants
from tests.faults.invariants.invariants import Violation
from tests.faults.invariants.normalize import end_state
from tests.faults.runs import Result, describe_state, difference, fresh_name
from tests.kit.api.paths import DPOJOBS

from devcluster.control_plane import ApiError
from dpojob_api.base import JSONObject

from . import specs
from .scenario import all_succeed

FAMILY = "spec-edits"
"""What the command line and a violation call these runs."""
SHARE = 0.1
"""Share of all runs that are sequences of edits."""
STEPS = 5
"""The last one is tried after the job was resumed."""
LATE_SECONDS = 1.0
POOL = 100
"""Specs that a seed gives."""
LAST_WRITE = 12
"""A crash happens at one of this many writes."""


class NoSpecAccepted(Exception):
    """The API server took none of the specs: there is no sequence to run."""


async def _edit(env: RunEnvironment, spec: JSONObject) -> bool:
    """`kubectl replace`; whether the API server took it."""
    while True:
        job = await env.get("job")
        if job is None:
            return False  # its time to live is over
        try:
            path = f"{DPOJOBS.format(env.name)}/job"
            await env.api.call("PUT", path, {**job, "spec": spec})
        except ApiError as error:
            if error.status == 409:
                continue
            return False
        return True


def _held(env: RunEnvironment) -> bool:
    job = env.job("job") or {"metadata": {"generation": -1}}
    current = (job.get("status") or {}).get("observedGeneration") == job["metadata"]["generation"]
    return current and env.condition_is_true("job", "Suspended")


async def _edit_step_by_step(
    env: RunEnvironment, steps: list[JSONObject], late: JSONObject | None
) -> JSONObject:
    """The user's part; returns the last spec that was taken, without `suspend`."""
    await env.create_claim(specs.SHARED_CLAIM)
    last: JSONObject | None = None
    for step in steps:
        spec = {**specs.mended(copy.deepcopy(step), env.name), "suspend": True}
        try:
            if last is None:
                await env.create("job", spec)
            elif not await _edit(env, spec):
                continue
        except ApiError:
            continue
        last = step
        await asyncio.sleep(0.3)
    if last is None:
        raise NoSpecAccepted
    # Every sequence ends with the same step, so that its traces in the status are the same.
    await env.until("the last spec is seen", partial(_held, env))
    await env.edit("job", suspend=False)
    if late is not None:
        # Before the operator looks, while it inspects, or while it trains.
        await asyncio.sleep(random.Random(str(late)).uniform(0, LATE_SECONDS))
        spec = {**specs.mended(copy.deepcopy(late), env.name), "suspend": False}
        if await _edit(env, spec):
            last = late
    await env.wait_until_quiet()
    return last


def _end(env: RunEnvironment) -> str:
    jobs = []
    for job in copy.deepcopy(env.history.newest("dpojobs")):
        job["metadata"]["generation"] = "<edits>"
        status = job.get("status") or {}
        for reported in (status, *(status.get("conditions") or [])):
            reported["observedGeneration"] = (
                "<current>" if reported.get("observedGeneration") else "<never>"
            )
        jobs.append(job)
    children = [
        {"kind": kind, **item} for kind in ("jobs", "pods") for item in env.history.newest(kind)
    ]
    return end_state(env.name, jobs, children)


async def _one(
    shared_env: SharedEnvironment,
    steps: list[JSONObject],
    late: JSONObject | None,
    fault: Fault | None,
    result: Result,
) -> tuple[str, JSONObject]:
    env = RunEnvironment(shared_env, fresh_name(FAMILY), all_succeed, fault)
    async with env:
        last = steps[-1]
        try:
            last = await _edit_step_by_step(env, steps, late)
        except ConvergenceTimeout as timeout:
            evidence = f"{timeout}; {describe_state(env)}"
            result.violations.append(Violation("it converges and then stays unchanged", evidence))
        found = result.violations
        found += [v for rule in invariants.RUN_INVARIANTS for v in rule(env.history, env.log)]
        found += invariants.log_is_clean(env.operator.log.read_text())
        code, text = await env.scrape("/healthz")
        if code != 200:
            found.append(Violation("the operator is healthy", f"/healthz: {code} {text}"))
        if failures := env.failures:
            raise RuntimeError(f"the harness itself failed: {failures}")
        return _end(env), last


async def _both(
    shared_env: SharedEnvironment, steps: list[JSONObject], fault: Fault | None, number: int
) -> Result:
    result = Result(FAMILY, None, label=str(number))
    *steps, late = steps
    try:
        end, last = await _one(shared_env, steps, late, fault, result)
    except NoSpecAccepted:
        result.fired = False
        return result
    straight, _ = await _one(shared_env, [last], None, None, result)
    if end != straight:
        evidence = f"crash: {fault}; last spec: {last}\n{difference(straight, end)}"
        result.violations.append(
            Violation("only the last spec matters, not the edits before it", evidence)
        )
    return result


def job(shared_env: SharedEnvironment, number: int, seed: int) -> Callable[[], Awaitable[Result]]:
    """One sequence."""
    return jobs(shared_env, number + 1, seed)[number]


def jobs(
    shared_env: SharedEnvironment, number: int, seed: int
) -> list[Callable[[], Awaitable[Result]]]:
    """That number of sequences; the first ones are the same for every number."""
    if number == 0:
        return []
    known, random_ = specs.generate(POOL, seed), random.Random(seed)
    made: list[Callable[[], Awaitable[Result]]] = []
    for index in range(number):
        steps = random_.sample(known, STEPS)
        crash = Fault(
            random_.choice(("crash-before", "crash-after")),
            Point(None, random_.randint(1, LAST_WRITE)),
        )
        made.append(partial(_both, shared_env, steps, crash if index % 2 else None, index))
    return made
