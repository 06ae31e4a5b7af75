"""A hostile tenant beside an ordinary job of another namespace: the job must not notice.

The operator watches both namespaces. The tenant does what a user with `edit` in its own namespace may
do, or a clock does what clocks do; the ordinary job must end as without them, after no more than twice
the writes and twice the time, while the operator goes on, answers, and shows no Secret's value. What its time is
compared with is that of a job of another operator, without a tenant, which takes its steps at the same moments:
how busy the machine is changes both.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from tests.faults.environment.fixture import RunEnvironment, SharedEnvironment
from tests.faults.environment.stall_limit import ConvergenceTimeout
from tests.faults.injection.request_log import Entry, Log
from tests.faults.invariants import invariants
from tests.faults.invariants.invariants import Violation
from tests.faults.invariants.normalize import end_state
from tests.faults.runs import Result, describe_state, difference, fresh_name
from tests.kit import termination_messages
from tests.kit.api.paths import DPOJOBS, JOBS, PODS
from tests.kit.cluster.fake_kubelet import PodBehavior, PodIdentity

from .scenario import HOUR, HUB, all_succeed, has_progress, orphans
from .tenant_attacks import ATTACKS, CLEAN, Attack

FAMILY = "hostile-tenant"
"""What the command line and a violation call these runs."""
MAX_WRITES_RATIO = 2
"""Writes about the ordinary job that change a condition or another object, compared with the clean run."""
MAX_TIME_RATIO = 2
"""Time that the ordinary job takes, compared with the job beside no tenant."""
TOKENS = {"ordinary": "hf_ordinaryTokenOfTheHarness", "tenant": "hf_tenantTokenOfTheHarness"}
"""Values of the Secrets in both namespaces."""
ORDINARY = {**HUB, "hubTokenSecret": {"name": "hub"}, "budget": {"maxDuration": "1h"}}
PATIENT = {"REQUEST_SECONDS": "60", "RESYNC_SECONDS": "30"}
"""Settings by which requests do not fail only because a list of large objects takes long on a busy machine, and lists
do not follow each other at once: no fault of this family is found by a time-out."""
NOT_FINITE = re.compile(r"^dpojob\S* (nan|[+-]?inf)$", re.IGNORECASE | re.MULTILINE)


def _preempted_once(identity: PodIdentity) -> PodBehavior:
    """The first training pod runs until it is deleted, which happens when the attack is over."""
    if identity.stage == "inspect":
        return all_succeed(identity)
    if identity.nth == 1:
        return PodBehavior(until_deleted=True)
    return PodBehavior(message=termination_messages.trained(1, termination_messages.HALF))


async def _secret(env: RunEnvironment, token: str) -> None:
    data = {"token": base64.b64encode(token.encode()).decode()}
    path = f"/api/v1/namespaces/{env.name}/secrets"
    await env.api.call("POST", path, {"metadata": {"name": "hub"}, "data": data})


async def _silence(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A hub that accepts connections and says nothing."""
    try:
        await asyncio.sleep(HOUR)
    finally:
        writer.close()


async def run(shared_env: SharedEnvironment, attack: str, clean: Result | None) -> Result:
    """The ordinary job beside one attack; `clean` is the run without one."""
    result = Result(FAMILY, None, label=attack)
    name = fresh_name(FAMILY)
    if clean is None:
        await _run_beside(shared_env, name, attack, None, asyncio.Barrier(1), result)
        return result
    steps = asyncio.Barrier(2)
    control = Result(FAMILY, None, label=f"{attack}, the job beside no tenant")
    async with asyncio.TaskGroup() as group:
        group.create_task(_run_beside(shared_env, name, attack, clean, steps, result))
        group.create_task(_run_beside(shared_env, f"{name}-control", CLEAN, clean, steps, control))
    result.violations += control.violations
    if not result.violations and result.seconds > MAX_TIME_RATIO * control.seconds:
        evidence = f"{result.seconds:.1f} s, {control.seconds:.1f} s beside no tenant"
        result.violations.append(
            Violation("the ordinary job takes at most twice the time", evidence)
        )
    return result


async def _run_beside(
    shared_env: SharedEnvironment,
    name: str,
    attack: str,
    clean: Result | None,
    steps: asyncio.Barrier,
    result: Result,
) -> None:
    """The ordinary job beside one attack; `steps` is where it waits for the job that it is compared with."""
    hub = await asyncio.start_server(_silence, "127.0.0.1", 0)
    settings = {**PATIENT, "NAMESPACES": f"{name},{name}-tenant"}
    if attack == "silent-hub":
        settings["HUB_ENDPOINT"] = f"http://127.0.0.1:{hub.sockets[0].getsockname()[1]}"
    try:
        async with (
            RunEnvironment(
                shared_env, f"{name}-tenant", ATTACKS[attack].script, replicas=0
            ) as tenant,
            RunEnvironment(shared_env, name, _preempted_once, settings=settings) as ordinary,
        ):
            await _secret(tenant, TOKENS["tenant"])
            await _secret(ordinary, TOKENS["ordinary"])
            try:
                result.seconds = await _ordinary_job(ordinary, ATTACKS[attack], tenant, steps)
            except ConvergenceTimeout as timeout:
                await steps.abort()
                evidence = f"{timeout}; {describe_state(ordinary)}"
                result.violations.append(
                    Violation("it converges and then stays unchanged", evidence)
                )
            except asyncio.BrokenBarrierError:
                return  # the other job did not converge
            else:
                await _check(tenant, ordinary, result, clean)
            if failures := [*ordinary.failures, *tenant.failures]:
                raise RuntimeError(f"the harness itself failed: {failures}")
            # Some of its objects are large: the namespace controller deletes them.
            await tenant.api.call("DELETE", f"/api/v1/namespaces/{tenant.name}", {})
    finally:
        hub.close()


async def _ordinary_job(
    env: RunEnvironment, attack: Attack, tenant: RunEnvironment, steps: asyncio.Barrier
) -> float:
    """A job that trains during the attack or after it, is preempted, and goes on to its end.

    Returns the seconds that it took, without those of the attack.
    """
    if attack.comes_first:
        await attack.act(tenant, env)
    await steps.wait()
    began = time.monotonic()
    await env.create("job", ORDINARY)
    await env.until("progress is seen", lambda: has_progress(env, "job"))
    seconds = time.monotonic() - began
    if not attack.comes_first:
        await attack.act(tenant, env)
    await steps.wait()
    began = time.monotonic()
    (pod,) = env.kubelet.running
    await env.api.call("DELETE", f"{PODS.format(env.name)}/{pod}", {})
    await env.wait_until_finished("job")
    seconds += time.monotonic() - began
    await env.until("its children are at rest", lambda: not env.kubelet.busy and not orphans(env))
    return seconds


async def _check(
    tenant: RunEnvironment, env: RunEnvironment, result: Result, clean: Result | None
) -> None:
    found = result.violations
    found += invariants.ends_match(env.history, {"job": "Completed"})
    own = Log()
    own.entries = [e for e in env.log.entries if f"/namespaces/{env.name}/" in e.path]
    result.log = own
    children = [
        {"kind": kind, **item} for kind in ("jobs", "pods") for item in env.history.newest(kind)
    ]
    result.end = end_state(env.name, env.history.newest("dpojobs"), children)
    if clean is not None and result.end != clean.end:
        found.append(Violation("the end is the clean run's", difference(clean.end, result.end)))
    writes = _writes_that_change_conditions(own)
    clean_writes = _writes_that_change_conditions(clean.log) if clean is not None else []
    if clean is not None and len(writes) > MAX_WRITES_RATIO * len(clean_writes):
        kinds = dict(Counter(str(entry.kind) for entry in writes))
        evidence = f"{len(writes)} writes, {len(clean_writes)} in the clean run: {kinds}"
        found.append(Violation("the ordinary job costs at most twice the writes", evidence))
    found += [v for rule in invariants.RUN_INVARIANTS for v in rule(env.history, own)]
    log = env.operator.log.read_text()
    found += invariants.log_is_clean(log)
    if env.operator.exits:
        found.append(Violation("the operator lives", f"exits {env.operator.exits}"))
    code, text = await env.scrape("/healthz")
    if code != 200:
        found.append(Violation("the operator is healthy", f"/healthz: {code} {text}"))
    code, metrics = await env.scrape("/metrics")
    if code != 200 or NOT_FINITE.search(metrics):
        found.append(Violation("/metrics answers with finite figures", f"{code} {metrics[-300:]}"))
    found += await _tokens_shown(tenant, env, {"log": log, "metrics": metrics})


def _writes_that_change_conditions(log: Log) -> list[Entry]:
    """The writes, without those of a status whose conditions are those written before.

    Progress and cost of a running job are written every second, so that their number depends on how
    busy the machine is.
    """
    found, last = [], None
    for entry in log.writes:
        if isinstance(entry.body, dict) and "conditions" in (entry.body.get("status") or {}):
            listed = entry.body["status"]["conditions"]
            conditions = [(c["type"], c["status"], c["reason"]) for c in listed]
            if conditions == last:
                continue
            last = conditions
        found.append(entry)
    return found


async def _tokens_shown(
    tenant: RunEnvironment, env: RunEnvironment, texts: dict[str, str]
) -> list[Violation]:
    """Where a Secret's value is shown: logs, metrics, status, Events, termination messages, and what
    containers may print of their manifests."""
    for each in (tenant, env):
        texts[f"containers of {each.name}"] = str(each.kubelet.written_texts)
        for path in (DPOJOBS, JOBS, PODS, "/api/v1/namespaces/{}/events"):
            texts[path.format(each.name)] = str(await each.api.items(path.format(each.name)))
    return [
        Violation("no Secret's value is shown", f"{token} in {where}")
        for where, text in texts.items()
        for token in TOKENS.values()
        if token in text
    ]


def jobs(
    shared_env: SharedEnvironment, clean: Result, attacks: Sequence[str]
) -> list[Callable[[], Awaitable[Result]]]:
    """One run for each of these attacks."""
    return [partial(run, shared_env, attack, clean) for attack in attacks if attack != CLEAN]
