"""Commands that look at a job on a cluster, or change it: status, logs, suspend, resume, cancel."""

from __future__ import annotations

import argparse
import sys
import time

from rich.live import Live
from rich.prompt import Confirm

from dpojob.console import err, live, print_json, show
from dpojob.errors import CommandError
from dpojob.kubectl import RESOURCE, Kubectl, stage
from dpojob.views.status_view import headline, view
from dpojob_api.conditions import ConditionType
from dpojob_api.constants import STAGE_TRAIN, ExitCode
from dpojob_api.job import DPOJob


def _kubectl(options: argparse.Namespace) -> Kubectl:
    return Kubectl(options.namespace, options.context)


def status(options: argparse.Namespace) -> int:
    """Shows a job; with --watch until it ends. Exit status of a watch: 0 complete, 1 failed."""
    kubectl = _kubectl(options)
    if options.watch:
        return _watch(kubectl, options.name, options.interval)
    job = kubectl.job(options.name)
    if options.json:
        print_json(job.status.wire())
    else:
        show(view(job))
    return ExitCode.OK


def _watch(kubectl: Kubectl, name: str, interval: float) -> int:
    job = kubectl.job(name)
    uid = job.metadata.get("uid")
    console = live(stderr=False)
    if not console.is_terminal:
        return _follow_in_lines(kubectl, job, interval)
    with Live(view(job), console=console, refresh_per_second=4) as screen:
        while not _ended(job):
            time.sleep(interval)
            job = _again(kubectl, name, uid, job)
            screen.update(view(job))
    return _verdict(job)


def _follow_in_lines(kubectl: Kubectl, job: DPOJob, interval: float) -> int:
    name, uid = str(job.metadata.get("name")), job.metadata.get("uid")
    said = None
    while True:
        line = headline(job)
        if line != said:
            print(line, flush=True)
            said = line
        if _ended(job):
            return _verdict(job)
        time.sleep(interval)
        job = _again(kubectl, name, uid, job)


PATIENCE = 5
"""How often in a row an unreachable API server is asked again while watching."""


def _again(kubectl: Kubectl, name: str, uid: str | None, last: DPOJob) -> DPOJob:
    for attempt in range(PATIENCE):
        try:
            job = kubectl.job(name)
        except CommandError as error:
            if "NotFound" in str(error):
                raise CommandError(
                    f"{name} was deleted", code=ExitCode.INVALID, reason=None
                ) from error
            if attempt == PATIENCE - 1:
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


def _ended(job: DPOJob) -> bool:
    return job.status.is_true(ConditionType.COMPLETE) or job.status.is_true(ConditionType.FAILED)


def _verdict(job: DPOJob) -> int:
    return ExitCode.OK if job.status.is_true(ConditionType.COMPLETE) else ExitCode.INVALID


def logs(options: argparse.Namespace) -> int:
    """Prints the log of the job's newest pod: the training's if there is one, else the inspection's."""
    kubectl = _kubectl(options)
    job = kubectl.job(options.name)
    pods = kubectl.pods(job)
    wanted = options.stage or (STAGE_TRAIN if any(stage(p) == STAGE_TRAIN for p in pods) else None)
    chosen = [pod for pod in pods if wanted is None or stage(pod) == wanted]
    if not chosen:
        what = f"no {wanted} pod" if wanted else "no pod"
        raise CommandError(
            f"{options.name} has {what} now (its phase is {job.status.phase}); pods of ended jobs may "
            "have been cleaned up",
            code=ExitCode.INVALID,
            reason=None,
        )
    pod = chosen[-1]["metadata"]["name"]
    err().print(f"pod {pod} ({stage(chosen[-1])})", style="dim")
    follow = ["--follow"] if options.follow else []
    return kubectl.stream("logs", pod, "--all-containers", f"--tail={options.tail}", *follow)


def suspend(options: argparse.Namespace) -> int:
    """Sets spec.suspend."""
    _kubectl(options).patch(options.name, {"spec": {"suspend": True}})
    print(f"{options.name}: suspended; training stops with a checkpoint. `resume` goes on from it")
    return ExitCode.OK


def resume(options: argparse.Namespace) -> int:
    """Takes spec.suspend back."""
    _kubectl(options).patch(options.name, {"spec": {"suspend": False}})
    print(f"{options.name}: resumed")
    return ExitCode.OK


def cancel(options: argparse.Namespace) -> int:
    """Deletes the job after asking; what it wrote to claims and hubs stays."""
    kubectl = _kubectl(options)
    job = kubectl.job(options.name)
    err().print(headline(job))
    if not options.yes:
        if not sys.stdin.isatty():
            raise CommandError("cancel deletes the job; say --yes where nobody can be asked")
        if not Confirm.ask(f"Delete {options.name}? Its output claim stays", default=False):
            return ExitCode.INVALID
    kubectl.run("delete", RESOURCE, options.name)
    print(f"{options.name}: deleted; its output claim and what it uploaded stay")
    return ExitCode.OK
