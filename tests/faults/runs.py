"""One run: a scenario under one fault, with every invariant checked."""

from __future__ import annotations

import difflib
import itertools
import time
import uuid
from dataclasses import dataclass, field

from tests.kit.api.paths import JOBS, PODS

from .environment.fixture import RunEnvironment, SharedEnvironment
from .environment.stall_limit import ConvergenceTimeout
from .injection.fault_types import Fault
from .injection.request_log import Log
from .invariants import cost_invariants, invariants
from .invariants.invariants import Violation
from .invariants.normalize import end_state
from .scenarios.scenario import Scenario

SIGTERM_SECONDS = 60.0
STALE = ("crash-stale", "crash-late")
"""Faults after which the operator looks at what has passed."""
STALE_SECONDS = 30.0
"""How old that may be."""
LATE_LOOK = {"REQUEST_SECONDS": "60"}
"""Settings of a run that looks at Jobs late. With the time-out of other runs, the look would be given up on a busy
machine, and the run would pass without what it is for."""
SELDOM_RESYNC = {"RESYNC_SECONDS": "20"}
"""Settings of a run whose watch lags: with the interval of other runs, a resync would bring each event before the watch
does."""
SETTINGS = {"crash-late": LATE_LOOK, "lag": SELDOM_RESYNC}
"""The settings that a fault needs, by its action."""
LATE_STEPS = 3
"""Requests' time by which a pod that vanished may be seen running after its end: the write of its end, the
read before that, and the decision on what was read. It matters on a busy machine only."""
_numbers = itertools.count(1)
_PREFIX = f"faults-{uuid.uuid4().hex[:6]}"
"""So that a cluster that is kept can serve another time."""


@dataclass
class Result:
    """The outcome of a run."""

    scenario: str
    fault: Fault | None
    fired: bool = True
    """Whether the moment of the fault was reached."""
    violations: list[Violation] = field(default_factory=list)
    end: str = ""
    """The normalised end state."""
    log: Log = field(default_factory=Log)
    exits: list[int] = field(default_factory=list)
    """The exit codes of the operator's processes."""
    seconds: float = 0.0
    label: str = ""
    """Names a run that is no scenario under a fault."""

    @property
    def name(self) -> str:
        """The name of the run for `--only`."""
        if self.label:
            return f"{self.scenario}:{self.label}"
        return f"{self.scenario}:{self.fault}" if self.fault else f"{self.scenario}:clean"


def fresh_name(what: str) -> str:
    """Makes a name for a run's namespace and pool."""
    return f"{_PREFIX}-{next(_numbers)}-{what}"


def difference(wanted: str, found: str) -> str:
    """The lines that differ."""
    lines = difflib.unified_diff(
        wanted.splitlines(), found.splitlines(), "clean run", "this run", lineterm="", n=2
    )
    return "\n".join(itertools.islice(lines, 60))


async def run(
    shared_env: SharedEnvironment,
    scenario: Scenario,
    fault: Fault | None,
    reference: str | None,
) -> Result:
    """Runs the scenario in a fresh environment; `reference` is the clean run's end state."""
    began = time.monotonic()
    result = Result(scenario.name, fault)
    name = fresh_name(scenario.name)
    settings = {**scenario.settings, **SETTINGS.get(fault.action if fault else "", {})}
    env = RunEnvironment(shared_env, name, scenario.script, fault, settings=settings)
    async with env:
        try:
            await scenario.user_actions(env)
            await env.wait_until_quiet()
        except ConvergenceTimeout as timeout:
            evidence = f"{timeout}; {describe_state(env)}"
            result.violations.append(Violation("it converges and then stays unchanged", evidence))
        else:
            await _check_end(env, scenario, result, reference)
        result.violations += [
            found for rule in invariants.RUN_INVARIANTS for found in rule(env.history, env.log)
        ]
        result.violations += invariants.log_is_clean(env.operator.log.read_text())
        if failures := env.failures:
            raise RuntimeError(f"the harness itself failed: {failures}")
        result.fired = fault is None or env.proxies[0].fired is not None
        result.exits = env.operator.exits
    result.log, result.seconds = env.log, time.monotonic() - began
    return result


async def _check_end(
    env: RunEnvironment, scenario: Scenario, result: Result, reference: str | None
) -> None:
    found = result.violations
    found += invariants.ends_match(env.history, scenario.expected_reasons)
    stale = result.fault is not None and result.fault.action in STALE
    late = LATE_STEPS * env.log.slowest_answer()
    found += cost_invariants.check_costs(env.history, max(late, STALE_SECONDS if stale else 0.0))
    found += cost_invariants.check_quotas(env.history)
    children = [
        {"kind": kind, **item}
        for kind, path in (("Job", JOBS), ("Pod", PODS))
        for item in await env.api.items(
            path.format(env.name), {"app.kubernetes.io/managed-by": "dpojob"}
        )
    ]
    result.end = end_state(env.name, env.history.newest("dpojobs"), children)
    if reference is not None and result.end != reference:
        found.append(Violation("the end is the clean run's", difference(reference, result.end)))
    code, text = await env.scrape("/healthz")
    if code != 200:
        found.append(Violation("the operator is healthy", f"/healthz: {code} {text}"))
    _, metrics = await env.scrape("/metrics")
    found += invariants.metrics_match(metrics, env.log, env.operator.process_number)
    # The scenario is over: a crash now would leave no process for the SIGTERM below.
    for proxy in env.proxies:
        proxy.withdraw_fault()
    for job in env.history.newest("dpojobs"):
        await env.delete(job["metadata"]["name"])
    try:
        await env.until("gone", lambda: not list(invariants.no_orphan(env.history, env.log)))
    except ConvergenceTimeout:
        found += invariants.no_orphan(env.history, env.log)
    status = await env.operator.end(SIGTERM_SECONDS)
    if status != 0:
        found.append(Violation("SIGTERM ends the operator with status 0", f"status {status}"))


def describe_state(env: RunEnvironment) -> str:
    """A description of a run that did not converge."""
    jobs = [
        {
            "name": job["metadata"]["name"],
            "phase": (job.get("status") or {}).get("phase"),
            "conditions": sorted(invariants.true_conditions(job)),
        }
        for job in env.history.newest("dpojobs")
    ]
    last = "\n    ".join(str(entry) for entry in env.log.entries[-12:])
    return (
        f"{jobs}; running pods {list(env.kubelet.running)}; operator's process "
        f"{env.operator.process_number}, exits {env.operator.exits}; last requests:\n    {last}"
    )
