"""`dpojob logs`: the log of a job's newest pod."""

from __future__ import annotations

import argparse

from dpojob.console import stderr_console
from dpojob.errors import CommandError
from dpojob.kubectl import Kubectl, pod_stage
from dpojob_api.constants import STAGE_TRAIN, ExitCode


def run(options: argparse.Namespace) -> int:
    """Prints the log of the job's newest training pod, else of its newest inspection pod.

    Args:
        options: The parsed command line.

    Returns:
        The exit status of `kubectl logs`.

    Raises:
        CommandError: kubectl fails, or the job has no pod.
    """
    kubectl = Kubectl(options.namespace, options.context)
    job = kubectl.job(options.name)
    pods = kubectl.pods(job)
    has_training_pod = any(pod_stage(pod) == STAGE_TRAIN for pod in pods)
    stage = options.stage or (STAGE_TRAIN if has_training_pod else None)
    candidates = [pod for pod in pods if stage is None or pod_stage(pod) == stage]
    if not candidates:
        missing = f"no {stage} pod" if stage else "no pod"
        raise CommandError(
            f"{options.name} has {missing} now (its phase is {job.status.phase}); pods of ended jobs may "
            "have been cleaned up",
            code=ExitCode.INVALID,
            reason=None,
        )
    pod = candidates[-1]
    name = pod["metadata"]["name"]
    stderr_console().print(f"pod {name} ({pod_stage(pod)})", style="dim")
    follow = ["--follow"] if options.follow else []
    return kubectl.stream("logs", name, "--all-containers", f"--tail={options.tail}", *follow)
