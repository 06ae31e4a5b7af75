"""A negative control: an operator as in Kopf's tutorials, in which the harness must find violations.

Children are made in handlers of events, under generated names; the status is written by patches without a
resourceVersion; and nothing looks again for an event that was lost. Without faults it completes a DPOJob as the real
operator does.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import kopf
from aiohttp import web
from tests.kit.api.client import AsyncApi
from tests.kit.api.paths import DPOJOBS, JOBS

from devcluster.control_plane.api_client import MERGE_PATCH


def _labels(name: str, uid: str, stage: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/managed-by": "dpojob",
        "dpojob.dev/job": name,
        "dpojob.dev/uid": uid,
        "dpojob.dev/stage": stage,
        "dpojob.dev/attempt": "1",
    }


def _job(name: str, namespace: str, uid: str, stage: str) -> dict[str, Any]:
    labels = _labels(name, uid, stage)
    container = {"name": stage, "image": f"{stage}:naive"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "generateName": f"{name}-{stage}-",
            "namespace": namespace,
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": "dpojob.dev/v1alpha1",
                    "kind": "DPOJob",
                    "name": name,
                    "uid": uid,
                    "controller": True,
                }
            ],
        },
        "spec": {
            "template": {
                "metadata": {"labels": labels},
                "spec": {"restartPolicy": "Never", "containers": [container]},
            }
        },
    }


async def _call(method: str, path: str, body: Any, content_type: str = "application/json") -> Any:
    async with AsyncApi(Path(os.environ["KUBECONFIG"])) as api:
        return await api.call(method, path, body, content_type)


async def _create(name: str, namespace: str, uid: str, stage: str) -> None:
    await _call("POST", JOBS.format(namespace), _job(name, namespace, uid, stage))


@kopf.on.create("dpojob.dev", "v1alpha1", "dpojobs")
async def created(*, name: Any, namespace: Any, uid: Any, patch: kopf.Patch, **_: Any) -> None:
    """Begins: the inspection."""
    await _create(name, namespace, uid, "inspect")
    patch.status["phase"] = "Inspecting"


@kopf.on.event("batch", "v1", "jobs", labels={"dpojob.dev/stage": "inspect"})
async def inspected(*, body: Any, namespace: Any, labels: Any, type: Any, **_: Any) -> None:
    """Goes on to training when the inspection is complete."""
    ended = {
        c["type"] for c in body.get("status", {}).get("conditions", []) if c["status"] == "True"
    }
    if "Complete" not in ended or type == "DELETED":
        return
    name, uid = labels["dpojob.dev/job"], labels["dpojob.dev/uid"]
    path = f"{DPOJOBS.format(namespace)}/{name}"
    job = await _call("GET", path, None)
    if job.get("status", {}).get("phase") != "Inspecting":
        return
    await _create(name, namespace, uid, "train")
    await _status(path, {"phase": "Training"})


@kopf.on.event("batch", "v1", "jobs", labels={"dpojob.dev/stage": "train"})
async def trained(*, body: Any, namespace: Any, labels: Any, type: Any, **_: Any) -> None:
    """The end."""
    ended = {
        c["type"] for c in body.get("status", {}).get("conditions", []) if c["status"] == "True"
    }
    for outcome, reason in (("Complete", "Completed"), ("Failed", "TrainingFailed")):
        if outcome in ended and type != "DELETED":
            conditions = [
                {"type": kind, "status": "True", "reason": reason, "message": ""}
                for kind in (outcome, "Finished")
            ]
            path = f"{DPOJOBS.format(namespace)}/{labels['dpojob.dev/job']}"
            await _status(path, {"phase": outcome, "conditions": conditions})


async def _status(path: str, status: dict[str, Any]) -> None:
    await _call("PATCH", f"{path}/status", {"status": status}, MERGE_PATCH)


async def _serve() -> None:
    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    app = web.Application()
    app.router.add_get("/{path:.*}", healthz)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=int(os.environ["DPOJOB_OPERATOR_HTTP_PORT"])).start()
    await asyncio.Event().wait()


async def _run() -> None:
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.posting.enabled = False
    server = asyncio.create_task(_serve())
    await kopf.operator(settings=settings, clusterwide=True)
    server.cancel()


def main() -> None:
    """The process."""
    asyncio.run(_run())
