"""A hostile tenant beside an ordinary job of another namespace: the job must not notice.

The operator watches both namespaces. The tenant does what a user with `edit` in its own namespace may
do, or a clock does what clocks do; the ordinary job must end as without them, after no more than twice
the writes, while the operator goes on, answers, and shows no Secret's value. Objects that the present
CRD refuses (deep and large arguments): tests/operator/test_hostile_objects.py.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from tests.faults.environment.fixture import ConvergenceTimeout, RunEnvironment, SharedEnvironment
from tests.faults.injection.request_log import Log
from tests.faults.invariants import invariants
from tests.faults.invariants.invariants import Violation
from tests.faults.invariants.normalize import end_state
from tests.faults.runs import Result, describe_state, difference, fresh_name
from tests.kit import termination_messages
from tests.kit.api_client import DPOJOBS, JOBS, PODS
from tests.kit.cluster.fake_kubelet import PodBehavior, PodIdentity

from dpojob_api.base import JSONObject

from .scenario import HOUR, HUB, all_succeed, has_progress, orphans

FAMILY = "hostile-tenant"
"""What the command line and a violation call these runs."""
CLEAN = "clean"
MAX_WRITES_RATIO = 2
"""Writes about the ordinary job, compared with those of the clean run."""
TOKENS = {"ordinary": "hf_ordinaryTokenOfTheHarness", "tenant": "hf_tenantTokenOfTheHarness"}
"""Values of the Secrets in both namespaces."""
ORDINARY = {**HUB, "hubTokenSecret": {"name": "hub"}, "budget": {"maxDuration": "1h"}}
MANY = 20
KOPF = "kopf.zalando.org"
NOT_FINITE = re.compile(r"^dpojob\S* (nan|[+-]?inf)$", re.IGNORECASE | re.MULTILINE)

Attack = Callable[[RunEnvironment, RunEnvironment], Awaitable[None]]
"""Called with the tenant's and the ordinary job's environment, while the ordinary job trains."""


def _job(name: str, annotations: dict[str, str], spec: JSONObject) -> JSONObject:
    return {
        "apiVersion": "dpojob.dev/v1alpha1",
        "kind": "DPOJob",
        "metadata": {"name": name, "annotations": annotations},
        "spec": spec,
    }


async def _create(tenant: RunEnvironment, body: JSONObject) -> None:
    await tenant.api.call("POST", DPOJOBS.format(tenant.name), body)


async def _nothing(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """The clean run."""


async def _state_of_kopf(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Annotations and a finalizer of Kopf's own, which it would parse and patch."""
    for number, text in enumerate(("[" * 60_000, "no JSON", '{"spec":' * 5000)):
        body = _job(f"kopf-{number}", {f"{KOPF}/last-handled-configuration": text}, HUB)
        body["metadata"]["finalizers"] = [f"{KOPF}/KopfFinalizerMarker"]
        await _create(tenant, body)


async def _large_objects(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """As much as annotations and labels hold, in many suspended jobs."""
    for number in range(MANY):
        body = _job(f"large-{number}", {"text": "x" * 250_000}, {**HUB, "suspend": True})
        body["metadata"]["labels"] = {f"label-{n}": "y" * 60 for n in range(500)}
        await _create(tenant, body)


async def _many_jobs(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Many jobs at once, whose names collide with the ordinary job's."""
    await tenant.create("job", HUB)
    for number in range(MANY):
        await tenant.create(f"job-{number}", HUB)


async def _forged_pods(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Copies of the ordinary job's pods and Jobs, with its labels and UIDs, in the tenant's namespace."""
    for kind, path in (("jobs", JOBS), ("pods", PODS)):
        for number, original in enumerate(ordinary.history.newest(kind)):
            container = {"name": "train", "image": "any"}
            pod = {"restartPolicy": "Never", "containers": [container]}
            metadata = {
                "name": f"forged-{kind}-{number}",
                "labels": {
                    name: value
                    for name, value in original["metadata"]["labels"].items()
                    if "batch.kubernetes.io" not in name
                    and name not in ("controller-uid", "job-name")
                },
                "ownerReferences": original["metadata"]["ownerReferences"],
            }
            template = {"metadata": {"labels": metadata["labels"]}, "spec": pod}
            spec = {"template": template} if kind == "jobs" else pod
            await tenant.api.call(
                "POST", path.format(tenant.name), {"metadata": metadata, "spec": spec}
            )


async def _clock_steps(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """The API server's clock steps forward by six times the budget, and back."""
    for seconds in (6 * HOUR, -12 * HOUR, 6 * HOUR):
        ordinary.clock.step(seconds)
        written = ordinary.log.last_write()
        await ordinary.until("the operator writes", partial(_wrote_since, ordinary, written))


def _wrote_since(env: RunEnvironment, moment: float) -> bool:
    return env.log.last_write() > moment


ATTACKS: dict[str, Attack] = {
    CLEAN: _nothing,
    "state-of-kopf": _state_of_kopf,
    "large-objects": _large_objects,
    "many-jobs": _many_jobs,
    "forged-pods": _forged_pods,
    "clock-steps": _clock_steps,
    "silent-hub": _nothing,
}
"""By name."""


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
    hub = await asyncio.start_server(_silence, "127.0.0.1", 0)
    settings = {"NAMESPACES": f"{name},{name}-tenant"}
    if attack == "silent-hub":
        settings["HUB_ENDPOINT"] = f"http://127.0.0.1:{hub.sockets[0].getsockname()[1]}"
    try:
        async with (
            RunEnvironment(shared_env, f"{name}-tenant", all_succeed, replicas=0) as tenant,
            RunEnvironment(shared_env, name, _preempted_once, settings=settings) as ordinary,
        ):
            await _secret(tenant, TOKENS["tenant"])
            await _secret(ordinary, TOKENS["ordinary"])
            try:
                await _ordinary_job(ordinary, partial(ATTACKS[attack], tenant, ordinary))
            except ConvergenceTimeout as timeout:
                evidence = f"{timeout}; {describe_state(ordinary)}"
                result.violations.append(
                    Violation("it converges and then stays unchanged", evidence)
                )
            else:
                await _check(tenant, ordinary, result, clean)
            if failures := [*ordinary.failures, *tenant.failures]:
                raise RuntimeError(f"the harness itself failed: {failures}")
    finally:
        hub.close()
    return result


async def _ordinary_job(env: RunEnvironment, attack: Callable[[], Awaitable[None]]) -> None:
    """A job that trains during the attack, is preempted after it, and goes on to its end."""
    await env.create("job", ORDINARY)
    await env.until("progress is seen", lambda: has_progress(env, "job"))
    await attack()
    (pod,) = env.kubelet.running
    await env.api.call("DELETE", f"{PODS.format(env.name)}/{pod}", {})
    await env.wait_until_finished("job")
    await env.until("its children are at rest", lambda: not env.kubelet.busy and not orphans(env))


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
    if clean is not None and len(own.writes) > MAX_WRITES_RATIO * len(clean.log.writes):
        evidence = f"{len(own.writes)} writes, {len(clean.log.writes)} in the clean run"
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


async def _tokens_shown(
    tenant: RunEnvironment, env: RunEnvironment, texts: dict[str, str]
) -> list[Violation]:
    """Where a Secret's value is shown: logs, metrics, status, Events, termination messages."""
    for each in (tenant, env):
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
