"""`dpojob logs`: the log of a job's newest pod, or of its pods as they come."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from dpojob.cluster.client import AsyncClient
from dpojob.cluster.job_facts import has_ended, pod_stage
from dpojob.cluster.resources import PODS
from dpojob.console import stderr_console
from dpojob.errors import CommandError
from dpojob.sanitize import escape_controls
from dpojob_api.constants import LABEL_JOB_UID, STAGE_TRAIN, ExitCode

if TYPE_CHECKING:
    from dpojob_api.base import JSONObject
    from dpojob_api.job import DPOJob

POLL_SECONDS = 1.0
"""Between two looks for a pod that has not started."""


async def run(
    name: str,
    namespace: str | None,
    context: str | None,
    *,
    follow: bool = False,
    tail: int = -1,
    stage: str | None = None,
) -> int:
    """Prints the log of the job's newest training pod, else of its newest inspection pod.

    Args:
        name: The job's name.
        namespace: Its namespace; None for that of the context.
        context: A context of the kubeconfig; None for its current one.
        follow: Wait for a pod, and go on with the logs of later pods until the job has ended.
        tail: The number of last lines of a log to print; -1 for all.
        stage: Only pods of this stage, "inspect" or "train"; None for any.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: The cluster does not answer, or the job has no pod and gets none.
    """
    async with AsyncClient(namespace, context) as client:
        job = await client.get(name)
        lines = tail if tail >= 0 else None
        if follow:
            await _follow(client, job, lines, stage)
            return ExitCode.OK
        pods = await _pods(client, job, stage)
        of_training = [pod for pod in pods if pod_stage(pod) == STAGE_TRAIN]
        candidates = of_training or pods
        if not candidates:
            error = _no_pod(job, stage)
            raise error
        await _print_log(client, candidates[-1], lines, follow=False)
    return ExitCode.OK


async def _follow(client: AsyncClient, job: DPOJob, tail: int | None, stage: str | None) -> None:
    """Prints the log of the newest pod and of all that come, in their order, until the job has ended."""
    earlier = {pod["metadata"]["uid"] for pod in (await _pods(client, job, stage))[:-1]}
    printed: set[str] = set()
    waiting = False
    while True:
        # The job is read before its pods: a job that has ended gets no further pod.
        job = await client.get(job.name)
        found = await _pods(client, job, stage)
        ready = [
            p for p in found if p["metadata"]["uid"] not in earlier | printed and _has_started(p)
        ]
        for pod in ready:
            printed.add(pod["metadata"]["uid"])
            await _print_log(client, pod, tail, follow=True)
        if not ready:
            if has_ended(job):
                if not printed:
                    raise _no_pod(job, stage)
                return
            if not printed and not waiting:
                waiting = True
                stderr_console().print(
                    f"waiting for a pod of {job.name} (its phase is {job.status.phase})",
                    style="dim",
                )
            await asyncio.sleep(POLL_SECONDS)


async def _pods(client: AsyncClient, job: DPOJob, stage: str | None) -> list[JSONObject]:
    """The job's pods of a stage, or of any, oldest first."""
    selector = f"{LABEL_JOB_UID}={job.uid}"
    found = await client.api.list_all(PODS, job.namespace, labelSelector=selector)
    chosen = [pod for pod in found if stage in (None, pod_stage(pod))]
    return sorted(chosen, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))


def _has_started(pod: JSONObject) -> bool:
    states = [each.get("state") or {} for each in pod["status"].get("containerStatuses") or []]
    return any("running" in state or "terminated" in state for state in states)


async def _print_log(
    client: AsyncClient, pod: JSONObject, tail: int | None, *, follow: bool
) -> None:
    name = pod["metadata"]["name"]
    stderr_console().print(f"pod {name} ({pod_stage(pod)})", style="dim")
    namespace = pod["metadata"]["namespace"]
    on_terminal = sys.stdout.isatty()
    async for line in client.api.log(name, namespace, follow=follow, tail=tail):
        text = line.decode(errors="replace")
        print(escape_controls(text) if on_terminal else text, flush=follow)


def _no_pod(job: DPOJob, stage: str | None) -> CommandError:
    missing = f"no {stage} pod" if stage else "no pod"
    return CommandError(
        f"{job.name} has {missing} now (its phase is {job.status.phase}); pods of ended jobs may "
        "have been cleaned up",
        code=ExitCode.INVALID,
        reason=None,
    )
