"""One run: a scenario under one fault, and every rule checked on it."""

from __future__ import annotations

import difflib
import itertools
import time
import uuid
from dataclasses import dataclass, field

from tests.kit.api_client import JOBS, PODS

from .environment.fixture import CONVERGE_SECONDS, Stage, Stuck, World
from .injection.fault_types import Fault
from .injection.request_log import Log
from .invariants import cost_invariants, invariants
from .invariants.invariants import Violation
from .invariants.normalize import end_state
from .scenarios.scenario import Scenario

GONE_SECONDS = 60.0
"""The garbage collector's time to remove what a deleted DPOJob owned."""
SIGTERM_SECONDS = 20.0
STALE = ("crash-stale", "crash-late")
"""Faults after which the operator looks at what has passed."""
STALE_SECONDS = 30.0
"""How old that may be."""
_numbers = itertools.count(1)
_PREFIX = f"faults-{uuid.uuid4().hex[:6]}"
"""So that a cluster that is kept can serve another time."""


@dataclass
class Result:
    """What came out."""

    scenario: str
    fault: Fault | None
    fired: bool = True
    """Whether the moment of the fault was reached."""
    violations: list[Violation] = field(default_factory=list)
    end: str = ""
    """The normalised end state."""
    log: Log = field(default_factory=Log)
    exits: list[int] = field(default_factory=list)
    """Of the operator's processes."""
    seconds: float = 0.0
    label: str = ""
    """What is run, where it is no fault."""

    @property
    def name(self) -> str:
        """For `--only`."""
        if self.label:
            return f"{self.scenario}:{self.label}"
        return f"{self.scenario}:{self.fault}" if self.fault else f"{self.scenario}:clean"


def fresh_name(what: str) -> str:
    """Of a run's namespace and pool."""
    return f"{_PREFIX}-{next(_numbers)}-{what}"


def difference(wanted: str, found: str) -> str:
    """The lines that differ."""
    lines = difflib.unified_diff(
        wanted.splitlines(), found.splitlines(), "clean run", "this run", lineterm="", n=2
    )
    return "\n".join(itertools.islice(lines, 60))


async def run(
    stage: Stage,
    scenario: Scenario,
    fault: Fault | None,
    reference: str | None,
    patience: float = CONVERGE_SECONDS,
) -> Result:
    """Runs the scenario in a fresh world; `reference` is the clean run's end state.

    `patience`: seconds for whatever is waited for.
    """
    began = time.monotonic()
    result = Result(scenario.name, fault)
    name = fresh_name(scenario.name)
    world = World(
        stage, name, scenario.script, fault, settings=scenario.settings, patience=patience
    )
    async with world:
        try:
            await scenario.act(world)
            await world.rest()
        except Stuck as stuck:
            evidence = f"{stuck}; {situation(world)}"
            result.violations.append(Violation("it converges and comes to rest", evidence))
        else:
            await _judge(world, scenario, result, reference)
        result.violations += [
            found for rule in invariants.DURING for found in rule(world.history, world.log)
        ]
        result.violations += invariants.log_is_clean(world.operator.log.read_text())
        if failures := world.failures:
            raise RuntimeError(f"the harness itself failed: {failures}")
        result.fired = fault is None or world.proxies[0].fired is not None
        result.exits = world.operator.exits
    result.log, result.seconds = world.log, time.monotonic() - began
    return result


async def _judge(world: World, scenario: Scenario, result: Result, reference: str | None) -> None:
    found = result.violations
    found += invariants.ends_match(world.history, scenario.ends)
    stale = result.fault is not None and result.fault.action in STALE
    found += cost_invariants.add_up(world.history, STALE_SECONDS if stale else 0.0)
    children = [
        {"kind": kind, **item}
        for kind, path in (("Job", JOBS), ("Pod", PODS))
        for item in await world.api.items(
            path.format(world.name), {"app.kubernetes.io/managed-by": "dpojob"}
        )
    ]
    result.end = end_state(world.name, world.history.newest("dpojobs"), children)
    if reference is not None and result.end != reference:
        found.append(Violation("the end is the clean run's", difference(reference, result.end)))
    code, text = await world.scrape("/healthz")
    if code != 200:
        found.append(Violation("the operator is healthy", f"/healthz: {code} {text}"))
    _, metrics = await world.scrape("/metrics")
    found += invariants.metrics_match(metrics, world.log, world.operator.life)
    for job in world.history.newest("dpojobs"):
        await world.delete(job["metadata"]["name"])
    try:
        await world.until("gone", lambda: not list(invariants.no_orphan(world.history, world.log)),
                          GONE_SECONDS)  # fmt: skip
    except Stuck:
        found += invariants.no_orphan(world.history, world.log)
    status = await world.operator.end(SIGTERM_SECONDS)
    if status != 0:
        found.append(Violation("SIGTERM ends the operator with status 0", f"status {status}"))


def situation(world: World) -> str:
    """What a stuck world looks like."""
    jobs = [
        {
            "name": job["metadata"]["name"],
            "phase": (job.get("status") or {}).get("phase"),
            "conditions": sorted(invariants.true_conditions(job)),
        }
        for job in world.history.newest("dpojobs")
    ]
    last = "\n    ".join(str(entry) for entry in world.log.entries[-12:])
    return (
        f"{jobs}; running pods {list(world.player.running)}; operator's lives "
        f"{world.operator.life}, exits {world.operator.exits}; last requests:\n    {last}"
    )
