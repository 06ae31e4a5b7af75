"""The kubelet's part: pods of the real Job controller run and end as a scenario says.

The scheduler binds the pods to a node without a kubelet; from there on this player moves them, as the
kubelet would: Running, then Succeeded or Failed with the container's last word; and when they are
deleted, the container gets its SIGTERM, says its word, and the pod goes.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dpojob_api.constants import LABEL_ATTEMPT, LABEL_JOB_NAME, LABEL_JOB_UID, LABEL_STAGE

from . import termination_messages
from .api_client import PODS, Api, Object, Refused


@dataclass(frozen=True)
class Role:
    """Which pod it is that a scenario is asked about."""

    job: str
    """Name of the DPOJob."""
    incarnation: int
    """1 for the first DPOJob of that name, 2 when it was created again, ..."""
    stage: str
    attempt: int
    nth: int
    """Of the pods of that stage and attempt, from 1."""


@dataclass(frozen=True)
class Play:
    """What a pod does."""

    code: int = 0
    """Exit status."""
    word: str = ""
    """Termination message."""
    reason: str = ""
    """Why its container ended, or is not made, in the kubelet's words; empty: the usual ones."""
    starts: bool = True
    """False: its container cannot be made, for `reason`, as `word` explains."""
    seconds: float = 0.3
    """How long it runs."""
    holds: bool = False
    """True: it runs until it is deleted, then ends with code 12."""
    saving: float = 0.2
    """Seconds from its SIGTERM to its end."""


Script = Callable[[Role], Play]


def stamp(moment: datetime) -> str:
    """As the API server writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Player:
    """Plays all pods of one run's namespace."""

    def __init__(
        self, api: Api, namespace: str, script: Script, now: Callable[[], datetime]
    ) -> None:
        self._api, self._namespace, self._script = api, namespace, script
        self._now = now
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._uids: dict[str, list[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._plays: dict[str, Play] = {}
        self._started: dict[str, str] = {}
        self.running: dict[str, Role] = {}
        """Pods that run now, by name."""
        self.failures: list[str] = []
        """What went wrong in the playing itself: a fault of the harness."""

    def stop(self) -> None:
        """Plays no more."""
        for task in self._tasks:
            task.cancel()

    def see(self, pod: Object) -> None:
        """A pod was made or changed."""
        metadata, uid = pod["metadata"], pod["metadata"]["uid"]
        if "deletionTimestamp" in metadata:
            if uid not in self._ended:
                self._ended.add(uid)
                self._spawn(self._terminate(pod))
        elif uid not in self._begun and pod["spec"].get("nodeName"):
            self._begun.add(uid)
            self._spawn(self._play(pod))

    @property
    def plays(self) -> bool:
        """Whether a pod is on its way somewhere now."""
        return bool(self._tasks)

    def progress(self, pod: str) -> str | None:
        """What `GET /progress` of that pod says; None when it does not answer."""
        role = self.running.get(pod)
        return termination_messages.progress(role.attempt).wire_json() if role is not None else None

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Any) -> None:
        try:
            await work
        except Refused as refused:
            if refused.status not in (404, 409):
                self.failures.append(str(refused))

    def _role(self, pod: Object) -> Role:
        labels = pod["metadata"]["labels"]
        job, uid = labels[LABEL_JOB_NAME], labels[LABEL_JOB_UID]
        known = self._uids.setdefault(job, [])
        if uid not in known:
            known.append(uid)
        stage, attempt = labels[LABEL_STAGE], labels.get(LABEL_ATTEMPT, "1")
        self._counts[uid, stage, attempt] += 1
        nth = self._counts[uid, stage, attempt]
        return Role(job, known.index(uid) + 1, stage, int(attempt), nth)

    def _path(self, pod: Object, sub: str = "") -> str:
        return f"{PODS.format(self._namespace)}/{pod['metadata']['name']}{sub}"

    async def _play(self, pod: Object) -> None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        role = self._role(pod)
        play = self._plays[uid] = self._script(role)
        if not play.starts:
            await self._set(
                pod, "Pending", {"waiting": {"reason": play.reason, "message": play.word}}
            )
            return
        self._started[uid] = stamp(self._now())
        await self._set(pod, "Running", {"running": {"startedAt": self._started[uid]}})
        self.running[name] = role
        if play.holds:
            return
        await asyncio.sleep(play.seconds)
        if uid in self._ended:
            return
        self.running.pop(name, None)
        await self._end(pod, play)

    async def _end(self, pod: Object, play: Play) -> None:
        uid = pod["metadata"]["uid"]
        now = stamp(self._now())
        last = {
            "exitCode": play.code,
            "reason": play.reason or ("Error" if play.code else "Completed"),
            "message": play.word,
            "startedAt": self._started.get(uid, now),
            "finishedAt": now,
        }
        await self._set(pod, "Failed" if play.code else "Succeeded", {"terminated": last})

    async def _terminate(self, pod: Object) -> None:
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        runs = self.running.pop(name, None) is not None
        if runs:
            await asyncio.sleep(self._plays[uid].saving)
            await self._end(pod, Play(code=12, word=termination_messages.interrupted()))
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
        await self._api.call("DELETE", self._path(pod), options)

    async def _set(self, pod: Object, phase: str, state: Object) -> None:
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
