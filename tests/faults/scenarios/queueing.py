"""A queueing system, as Kueue treats a batch/v1 Job that has its label.

Its webhook suspends the Job as it is made. To admit it, it puts the nodes it chose into the pod
template and lets the Job go. To evict it, it suspends the Job again, and takes its nodes back out.
"""

from __future__ import annotations

import json

from tests.faults.environment import nodes
from tests.kit.api_client import JOBS, Api, Object

LABEL = "kueue.x-k8s.io/queue-name"
LABELS = {LABEL: "team"}
"""Of a DPOJob that must queue."""


def admitted(body: bytes) -> bytes:
    """The Job as it comes out of the webhook."""
    job = json.loads(body)
    if LABEL not in (job["metadata"].get("labels") or {}):
        return body
    job["spec"]["suspend"] = True
    return json.dumps(job).encode()


def _path(job: Object) -> str:
    metadata = job["metadata"]
    return f"{JOBS.format(metadata['namespace'])}/{metadata['name']}"


async def admit(api: Api, job: Object) -> None:
    """There is room: the Job may run, on these nodes."""
    template = {"spec": {"nodeSelector": dict(nodes.FLAVOUR)}}
    await api.merge(_path(job), {"spec": {"suspend": False, "template": template}})


async def evict(api: Api, job: Object) -> None:
    """Somebody else needs the room: the Job's pods are stopped."""
    await api.merge(_path(job), {"spec": {"suspend": True}})


async def take_back(api: Api, job: Object) -> None:
    """Once its pods are gone: the template is again as it was made."""
    await api.merge(f"{_path(job)}/status", {"status": {"startTime": None}})
    selector = dict.fromkeys(nodes.FLAVOUR)
    await api.merge(_path(job), {"spec": {"template": {"spec": {"nodeSelector": selector}}}})
