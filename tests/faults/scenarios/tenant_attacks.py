"""What a hostile tenant does beside an ordinary job of another namespace.

Each attack is what a user with `edit` in a namespace may do, what a user's pods and files may do, or what
a clock or a rollback does. The CRD is one that admits any `training.arguments` (tests/kit/api/older_crd.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tests.faults.environment.fixture import RunEnvironment
from tests.kit import termination_messages
from tests.kit.api.paths import DPOJOBS, JOBS, PODS
from tests.kit.cluster.fake_kubelet import PodBehavior, PodIdentity, PodScript

from dpojob_api.base import JSONObject
from dpojob_api.conditions import Reason
from dpojob_api.constants import ExitCode

from .scenario import HOUR, HUB, all_succeed

CLEAN = "clean"
MANY = 20
FEW = 3
UNREADABLE_STATUSES: dict[str, JSONObject] = {
    "cost": {"cost": {"soFar": "gratis"}},
    "attempt": {"attempts": [{"number": 1, "job": {"name": "x", "uid": "y"}, "hourlyPrice": "dear"}]},
    "dependency": {"dependency": {"kind": "DPOJob", "name": "x"}},
}  # fmt: skip
"""Admitted by the present CRD, by name of the job."""
KOPF = "kopf.zalando.org"
DEEP = b'{"a":' * 3000 + b"1" + b"}" * 3000
"""Deeper than Python's parser of JSON goes."""
FAT_BYTES = 1_300_000
"""Bytes of a large text in a job; etcd stores objects of up to 1.5 MiB."""


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


async def _deep_objects(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Arguments nested so deeply that parsing them ends with an error."""
    for number in range(FEW):
        spec = {**HUB, "training": {"arguments": {"a": "DEEP"}}}
        body = json.dumps(_job(f"deep-{number}", {}, spec)).encode().replace(b'"DEEP"', DEEP)
        await tenant.api.call("POST", DPOJOBS.format(tenant.name), body)
    for number in range(FEW):
        name = f"deep-{number}"
        await tenant.until(f"{name} is reported", partial(_is_unreadable, tenant, name))


async def _fat_objects(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Arguments as large as the API server stores them."""
    for number in range(MANY):
        spec = {**HUB, "suspend": True, "training": {"arguments": {"a": "x" * FAT_BYTES}}}
        await _create(tenant, _job(f"fat-{number}", {}, spec))
    for number in range(MANY):
        name = f"fat-{number}"
        await tenant.until(f"{name} is reported", partial(_is_unreadable, tenant, name))


async def _large_objects(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Creates many suspended jobs with as much as annotations and labels hold."""
    for number in range(MANY):
        body = _job(f"large-{number}", {"text": "x" * 250_000}, {**HUB, "suspend": True})
        body["metadata"]["labels"] = {f"label-{n}": "y" * 60 for n in range(500)}
        await _create(tenant, body)


async def _many_jobs(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Many jobs at once, whose names collide with the ordinary job's."""
    await tenant.create("job", HUB)
    for number in range(MANY):
        await tenant.create(f"job-{number}", HUB)


async def _references_to_variables(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Texts that the kubelet replaces by the values of Secrets where they stand in a container's manifest."""
    trap = "$(HF_TOKEN) $(token)"
    spec = {
        "model": {**HUB["model"]},
        "dataset": {**HUB["dataset"], "columnMapping": {"chosen": trap}},
        "training": {"arguments": {"run_name": trap}},
        "samples": {"prompts": [trap]},
        "hubTokenSecret": {"name": "hub"},
        "environmentSecret": {"name": "hub"},
    }
    await tenant.create("traps", spec)
    await tenant.until("the pod that trains has run", partial(_has_attempt, tenant, "traps"))


def _has_attempt(env: RunEnvironment, name: str) -> bool:
    return any(pod.job == name and pod.stage == "train" for pod in env.kubelet.running.values())


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


def _trains_until_deleted(identity: PodIdentity) -> PodBehavior:
    return all_succeed(identity) if identity.stage == "inspect" else PodBehavior(until_deleted=True)


async def _silent_pods(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Many training pods that accept a request for their progress and never answer it."""
    ordinary.proxies[0].silent_namespaces.add(tenant.name)
    for number in range(MANY):
        await tenant.create(f"silent-{number}", HUB)
    asked = f"/namespaces/{tenant.name}/pods/http:"
    await ordinary.until(
        "every silent pod is asked for its progress",
        lambda: len({e.path for e in ordinary.log.entries if asked in e.path}) >= MANY,
    )


def _finds_other_files(identity: PodIdentity) -> PodBehavior:
    if identity.stage == "inspect":
        return all_succeed(identity)
    message = termination_messages.dataset_changed()
    return PodBehavior(exit_code=ExitCode.USER_ERROR, message=message)


async def _replaced_files(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Files that change between inspection and training, which the training container reports."""
    for number in range(FEW):
        await tenant.create(f"replaced-{number}", HUB)
    for number in range(FEW):
        name = f"replaced-{number}"
        await tenant.until(f"{name} has failed", partial(_failed_once, tenant, name))


def _failed_once(env: RunEnvironment, name: str) -> bool:
    """Whether the job has failed by the change; a second attempt would change nothing."""
    attempts = ((env.job(name) or {}).get("status") or {}).get("attempts") or []
    failed = env.condition(name, "Failed")
    return failed.get("reason") == Reason.DATASET_CHANGED and len(attempts) == 1


async def _statuses_of_another_version(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """Statuses with values that this version cannot read, as after a rollback."""
    for name, status in UNREADABLE_STATUSES.items():
        await tenant.create(name, {**HUB, "suspend": True})
        path = f"{DPOJOBS.format(tenant.name)}/{name}/status"
        await tenant.api.merge(path, {"status": status})
    for name in UNREADABLE_STATUSES:
        await tenant.until(f"{name} is reported", partial(_is_unreadable, tenant, name))


def _is_unreadable(env: RunEnvironment, name: str) -> bool:
    return env.condition(name, "Ready").get("reason") == Reason.INVALID_SPEC


async def _clock_steps(tenant: RunEnvironment, ordinary: RunEnvironment) -> None:
    """The API server's clock steps forward by six times the budget, and back."""
    for seconds in (6 * HOUR, -12 * HOUR, 6 * HOUR):
        ordinary.clock.step(seconds)
        stepped = time.monotonic()
        await ordinary.until(
            "the operator writes", partial(ordinary.log.has_written_since, stepped)
        )


@dataclass(frozen=True)
class Attack:
    """What a tenant does beside the ordinary job."""

    act: Callable[[RunEnvironment, RunEnvironment], Awaitable[None]]
    """Called with the tenant's and the ordinary job's environment."""
    script: PodScript = all_succeed
    """How the tenant's pods run."""
    comes_first: bool = False
    """Whether it is done before the ordinary job is created, instead of while that trains: a job that trains
    for longer has its progress written more often."""


ATTACKS: dict[str, Attack] = {
    CLEAN: Attack(_nothing),
    "state-of-kopf": Attack(_state_of_kopf),
    "deep-objects": Attack(_deep_objects),
    "fat-objects": Attack(_fat_objects, comes_first=True),
    "large-objects": Attack(_large_objects),
    "many-jobs": Attack(_many_jobs),
    "references-to-variables": Attack(
        _references_to_variables, _trains_until_deleted, comes_first=True
    ),
    "forged-pods": Attack(_forged_pods),
    "silent-pods": Attack(_silent_pods, _trains_until_deleted, comes_first=True),
    "replaced-files": Attack(_replaced_files, _finds_other_files, comes_first=True),
    "other-version": Attack(_statuses_of_another_version, comes_first=True),
    "clock-steps": Attack(_clock_steps),
    "silent-hub": Attack(_nothing),
}
"""The attacks by name."""
