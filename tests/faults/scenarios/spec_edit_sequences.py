"""Walks between specs that are generated from the CRD's own schema.

A suspended DPOJob is edited from one spec to the next, let go, and edited once more beside the operator
that begins with it; the end must be the one of a DPOJob that had the last spec from the start. Every
other walk also meets a crash on its way.
"""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable
from functools import partial

from tests.faults.environment.fixture import Stage, Stuck, World
from tests.faults.injection.fault_types import Fault, Point
from tests.faults.invariants import invariants
from tests.faults.invariants.invariants import Violation
from tests.faults.invariants.normalize import end_state
from tests.faults.runs import Result, difference, fresh_name, situation
from tests.kit.api_client import DPOJOBS, Object, Refused

from . import specs
from .scenario import good

SHARE = 0.1
"""Of all runs."""
STEPS = 5
"""The last one is tried after the job was let go."""
LATE_SECONDS = 1.0
POOL = 100
"""Specs that a seed gives."""
LAST_WRITE = 12
"""A crash happens at one of so many writes."""


class Refusals(Exception):
    """The API server took none of the specs: there is nothing to walk on."""


async def _edit(world: World, spec: Object) -> bool:
    """`kubectl replace`; whether the API server took it."""
    while True:
        job = await world.get("job")
        if job is None:
            return False  # its time to live is over
        try:
            path = f"{DPOJOBS.format(world.name)}/job"
            await world.api.call("PUT", path, {**job, "spec": spec})
        except Refused as refused:
            if refused.status == 409:
                continue
            return False
        return True


def _held(world: World) -> bool:
    job = world.job("job") or {"metadata": {"generation": -1}}
    current = (job.get("status") or {}).get("observedGeneration") == job["metadata"]["generation"]
    return current and world.holds("job", "Suspended")


async def _walk(world: World, steps: list[Object], late: Object | None) -> Object:
    """The user's part; returns the last spec that was taken, without `suspend`."""
    await world.create_claim(specs.SHARED_CLAIM)
    last: Object | None = None
    for step in steps:
        spec = {**specs.mended(copy.deepcopy(step), world.name), "suspend": True}
        try:
            if last is None:
                await world.create("job", spec)
            elif not await _edit(world, spec):
                continue
        except Refused:
            continue
        last = step
        await asyncio.sleep(0.3)
    if last is None:
        raise Refusals
    # Every walk ends with the same step, so that its traces in the status are the same.
    await world.until("the last spec is seen", partial(_held, world))
    await world.edit("job", suspend=False)
    if late is not None:
        # Before the operator looks, while it inspects, or while it trains.
        await asyncio.sleep(random.Random(str(late)).uniform(0, LATE_SECONDS))
        spec = {**specs.mended(copy.deepcopy(late), world.name), "suspend": False}
        if await _edit(world, spec):
            last = late
    await world.rest()
    return last


def _end(world: World) -> str:
    jobs = []
    for job in copy.deepcopy(world.history.newest("dpojobs")):
        job["metadata"]["generation"] = "<edits>"
        status = job.get("status") or {}
        for told in (status, *(status.get("conditions") or [])):
            told["observedGeneration"] = (
                "<current>" if told.get("observedGeneration") else "<never>"
            )
        jobs.append(job)
    children = [
        {"kind": kind, **item} for kind in ("jobs", "pods") for item in world.history.newest(kind)
    ]
    return end_state(world.name, jobs, children)


async def _one(
    stage: Stage, steps: list[Object], late: Object | None, fault: Fault | None, result: Result
) -> tuple[str, Object]:
    world = World(stage, fresh_name("walk"), good, fault)
    async with world:
        last = steps[-1]
        try:
            last = await _walk(world, steps, late)
        except Stuck as stuck:
            evidence = f"{stuck}; {situation(world)}"
            result.violations.append(Violation("it converges and comes to rest", evidence))
        found = result.violations
        found += [v for rule in invariants.DURING for v in rule(world.history, world.log)]
        found += invariants.log_is_clean(world.operator.log.read_text())
        code, text = await world.scrape("/healthz")
        if code != 200:
            found.append(Violation("the operator is healthy", f"/healthz: {code} {text}"))
        if failures := world.failures:
            raise RuntimeError(f"the harness itself failed: {failures}")
        return _end(world), last


async def _both(stage: Stage, steps: list[Object], fault: Fault | None, number: int) -> Result:
    result = Result("walk", None, label=str(number))
    *steps, late = steps
    try:
        end, last = await _one(stage, steps, late, fault, result)
    except Refusals:
        result.fired = False
        return result
    straight, _ = await _one(stage, [last], None, None, result)
    if end != straight:
        evidence = f"crash: {fault}; last spec: {last}\n{difference(straight, end)}"
        result.violations.append(Violation("the way does not matter, only the last spec", evidence))
    return result


def job(stage: Stage, number: int, seed: int) -> Callable[[], Awaitable[Result]]:
    """One walk."""
    return jobs(stage, number + 1, seed)[number]


def jobs(stage: Stage, number: int, seed: int) -> list[Callable[[], Awaitable[Result]]]:
    """So many walks; the first ones are the same however many there are."""
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
        made.append(partial(_both, stage, steps, crash if index % 2 else None, index))
    return made
