"""A fake kubelet: pods of the real Job controller run and end as a scenario specifies.

The scheduler binds the pods to a node without a kubelet; from there on this class sets their status, as
the kubelet would: Running, then Succeeded or Failed with a termination message. When they are
deleted, the container ends as after SIGTERM, and the pod goes.
"""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.kit import termination_messages
from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import PODS
from tests.kit.cluster import pod_container

from devcluster.control_plane import ApiError
from dpojob_api.base import JSONObject
from dpojob_api.constants import (
    LABEL_ATTEMPT,
    LABEL_JOB_NAME,
    LABEL_JOB_UID,
    LABEL_STAGE,
    STAGE_INSPECT,
    STAGE_TRAIN,
)


@dataclass(frozen=True)
class PodIdentity:
    """Identifies a pod in the script of a scenario."""

    job: str
    """Name of the DPOJob."""
    incarnation: int
    """1 for the first DPOJob of that name, 2 when it was created again, ..."""
    stage: str
    attempt: int
    nth: int
    """The number of the pod among those of its stage and attempt, from 1."""


@dataclass(frozen=True)
class PodBehavior:
    """How a pod runs and ends."""

    exit_code: int = 0
    """Exit status."""
    message: str = ""
    """Termination message."""
    reason: str = ""
    """Why its container ended, or is not made, as the kubelet names it; empty: the usual reason."""
    starts: bool = True
    """False: its container cannot be made, for `reason`, as `message` explains."""
    seconds: float = 0.3
    """How long it runs."""
    until_deleted: bool = False
    """True: it runs until it is deleted, then ends with code 12."""
    until_let_go: bool = False
    """True: it runs until `FakeKubelet.let_go` is called."""
    shutdown_seconds: float = 0.2
    """Seconds from its SIGTERM to its end."""


PodScript = Callable[[PodIdentity], PodBehavior]


def stamp(moment: datetime) -> str:
    """A time as the API server writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class FakeKubelet:
    """Sets the status of all pods in one namespace."""

    def __init__(
        self, api: AsyncApi, namespace: str, script: PodScript, now: Callable[[], datetime]
    ) -> None:
        self._api, self._namespace, self._script = api, namespace, script
        self._now = now
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._uids: dict[str, list[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._behaviors: dict[str, PodBehavior] = {}
        self._started: dict[str, str] = {}
        self._let_go = {stage: asyncio.Event() for stage in (STAGE_INSPECT, STAGE_TRAIN)}
        self.running: dict[str, PodIdentity] = {}
        """Pods that run now, by name."""
        self.written_texts: list[str] = []
        """Variables and command lines of the containers that ran, as the kubelet expands what their
        manifests write: what a container may print."""
        self.failures: list[str] = []
        """Errors of the fake kubelet itself."""

    def stop(self) -> None:
        """Sets no status any more."""
        for task in self._tasks:
            task.cancel()

    def observe(self, pod: JSONObject) -> None:
        """Takes note of a pod that was created or changed."""
        metadata, uid = pod["metadata"], pod["metadata"]["uid"]
        if "deletionTimestamp" in metadata:
            if uid not in self._ended:
                self._ended.add(uid)
                self._spawn(self._terminate(pod))
        elif uid not in self._begun and pod["spec"].get("nodeName"):
            self._begun.add(uid)
            self._spawn(self._run(pod))

    def let_go(self, stage: str = STAGE_TRAIN) -> None:
        """Ends the pods of a stage that run until then; those that start later end at once."""
        self._let_go[stage].set()

    @property
    def busy(self) -> bool:
        """Whether a pod's status is about to change."""
        return bool(self._tasks)

    def progress(self, pod: str) -> str | None:
        """The answer to `GET /progress` of that pod; None when it does not answer."""
        identity = self.running.get(pod)
        if identity is None:
            return None
        return termination_messages.progress(identity.attempt).wire_json()

    def _spawn(self, step: Any) -> None:
        task = asyncio.create_task(self._guard(step))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, step: Any) -> None:
        try:
            await step
        except ApiError as error:
            if error.status not in (404, 409):
                self.failures.append(str(error))

    def _identify(self, pod: JSONObject) -> PodIdentity:
        labels = pod["metadata"]["labels"]
        job, uid = labels[LABEL_JOB_NAME], labels[LABEL_JOB_UID]
        known = self._uids.setdefault(job, [])
        if uid not in known:
            known.append(uid)
        stage, attempt = labels[LABEL_STAGE], labels.get(LABEL_ATTEMPT, "1")
        self._counts[uid, stage, attempt] += 1
        nth = self._counts[uid, stage, attempt]
        return PodIdentity(job, known.index(uid) + 1, stage, int(attempt), nth)

    def _path(self, pod: JSONObject, sub: str = "") -> str:
        return f"{PODS.format(self._namespace)}/{pod['metadata']['name']}{sub}"

    async def _run(self, pod: JSONObject) -> None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        identity = self._identify(pod)
        behavior = self._behaviors[uid] = self._script(identity)
        if not behavior.starts:
            await self._set(
                pod,
                "Pending",
                {"waiting": {"reason": behavior.reason, "message": behavior.message}},
            )
            return
        secrets = await self._secrets(pod)
        if secrets is not None:
            self.written_texts += pod_container.written_texts(pod, secrets)
        self._started[uid] = stamp(self._now())
        await self._set(pod, "Running", {"running": {"startedAt": self._started[uid]}})
        if uid in self._ended:
            return  # it was deleted while the API server took its status: nothing would take it from `running`
        self.running[name] = identity
        if behavior.until_deleted:
            return
        if behavior.until_let_go:
            await self._let_go[identity.stage].wait()
        else:
            await asyncio.sleep(behavior.seconds)
        if uid in self._ended:
            return
        self.running.pop(name, None)
        await self._end(pod, behavior)

    async def _secrets(self, pod: JSONObject) -> dict[str, dict[str, str]] | None:
        """The values of the Secrets that the pod's container gets, by name and key; None where one is missing."""
        found = {}
        for name in pod_container.secret_names(pod):
            path = f"/api/v1/namespaces/{self._namespace}/secrets/{name}"
            secret = await self._api.get(path)
            if secret is None:
                return None  # some scenarios let such a pod run nevertheless
            found[name] = {
                key: base64.b64decode(value).decode() for key, value in secret["data"].items()
            }
        return found

    async def _end(self, pod: JSONObject, behavior: PodBehavior) -> None:
        uid = pod["metadata"]["uid"]
        now = stamp(self._now())
        last = {
            "exitCode": behavior.exit_code,
            "reason": behavior.reason or ("Error" if behavior.exit_code else "Completed"),
            "message": behavior.message,
            "startedAt": self._started.get(uid, now),
            "finishedAt": now,
        }
        await self._set(pod, "Failed" if behavior.exit_code else "Succeeded", {"terminated": last})

    async def _terminate(self, pod: JSONObject) -> None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        runs = self.running.pop(name, None) is not None
        if runs:
            await asyncio.sleep(self._behaviors[uid].shutdown_seconds)
            await self._end(
                pod, PodBehavior(exit_code=12, message=termination_messages.interrupted())
            )
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        await self._api.call("DELETE", self._path(pod), options)

    async def _set(self, pod: JSONObject, phase: str, state: JSONObject) -> None:
        container = pod["spec"]["containers"][0]
        runs = "running" in state
        status = {
            "phase": phase,
            "podIP": "198.51.100.7",
            "podIPs": [{"ip": "198.51.100.7"}],
            "startTime": self._started.get(pod["metadata"]["uid"]),
            "conditions": [{"type": "Ready", "status": str(runs)}],
            "containerStatuses": [
                {
                    "name": container["name"],
                    "image": container["image"],
                    "imageID": container["image"],
                    "ready": runs,
                    "restartCount": 0,
                    "state": state,
                }
            ],
        }
        await self._api.call(
            "PATCH",
            self._path(pod, "/status"),
            {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status},
            "application/strategic-merge-patch+json",
        )
