"""`dpojob status`: a job's state on a cluster, once or until the job ends."""

from __future__ import annotations

import argparse
import time

from rich.live import Live

from dpojob.console import live_console, print_json, print_result
from dpojob.errors import CommandError
from dpojob.kubectl import Kubectl
from dpojob.views.status_view import headline, status_view
from dpojob_api.conditions import ConditionType
from dpojob_api.constants import ExitCode
from dpojob_api.job import DPOJob

MAX_ATTEMPTS = 5
"""Requests in a row that may fail while watching, before the watch fails."""


def run(options: argparse.Namespace) -> int:
    """Prints a job's status; with --watch until the job ends.

    Args:
        options: The parsed command line.

    Returns:
        The exit status: 0, or for a watch 0 when the job completed and 1 when it failed.

    Raises:
        CommandError: kubectl fails, or the job is deleted while it is watched.
    """
    kubectl = Kubectl(options.namespace, options.context)
    if options.watch:
        return _watch(kubectl, options.name, options.interval)
    job = kubectl.job(options.name)
    if options.json:
        print_json(job.status.wire())
    else:
        print_result(status_view(job))
    return ExitCode.OK


def _watch(kubectl: Kubectl, name: str, interval: float) -> int:
    job = kubectl.job(name)
    uid = job.metadata.get("uid")
    console = live_console(stderr=False)
    if not console.is_terminal:
        return _watch_in_lines(kubectl, job, interval)
    with Live(status_view(job), console=console, refresh_per_second=4) as display:
        while not _is_finished(job):
            time.sleep(interval)
            job = _refresh(kubectl, name, uid, job)
            display.update(status_view(job))
    return _exit_code(job)


def _watch_in_lines(kubectl: Kubectl, job: DPOJob, interval: float) -> int:
    name, uid = str(job.metadata.get("name")), job.metadata.get("uid")
    printed = None
    while True:
        line = headline(job)
        if line != printed:
            print(line, flush=True)
            printed = line
        if _is_finished(job):
            return _exit_code(job)
        time.sleep(interval)
        job = _refresh(kubectl, name, uid, job)


def _refresh(kubectl: Kubectl, name: str, uid: str | None, last: DPOJob) -> DPOJob:
    """The job as it is now. Repeats a failed request with exponential backoff."""
    for attempt in range(MAX_ATTEMPTS):
        try:
            job = kubectl.job(name)
        except CommandError as error:
            if "NotFound" in str(error):
                raise CommandError(
                    f"{name} was deleted", code=ExitCode.INVALID, reason=None
                ) from error
            if attempt == MAX_ATTEMPTS - 1:
                raise
            time.sleep(2**attempt)
            continue
        if job.metadata.get("uid") != uid:
            raise CommandError(
                f"{name} was deleted and made again; watch the new one",
                code=ExitCode.INVALID,
                reason=None,
            )
        return job
    return last


def _is_finished(job: DPOJob) -> bool:
    return job.status.is_true(ConditionType.COMPLETE) or job.status.is_true(ConditionType.FAILED)


def _exit_code(job: DPOJob) -> int:
    return ExitCode.OK if job.status.is_true(ConditionType.COMPLETE) else ExitCode.INVALID
