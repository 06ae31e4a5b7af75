"""`dpojob suspend`: pauses a job on a cluster."""

from __future__ import annotations

import argparse

from dpojob.kubectl import Kubectl
from dpojob_api.constants import ExitCode


def run(options: argparse.Namespace) -> int:
    """Sets the job's spec.suspend to true.

    Args:
        options: The parsed command line.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: kubectl fails.
    """
    kubectl = Kubectl(options.namespace, options.context)
    kubectl.patch(options.name, {"spec": {"suspend": True}})
    print(f"{options.name}: suspended; training stops with a checkpoint. `resume` goes on from it")
    return ExitCode.OK
