"""`dpojob resume`: lets a suspended job on a cluster continue."""

from __future__ import annotations

import argparse

from dpojob.kubectl import Kubectl
from dpojob_api.constants import ExitCode


def run(options: argparse.Namespace) -> int:
    """Sets the job's spec.suspend to false.

    Args:
        options: The parsed command line.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: kubectl fails.
    """
    kubectl = Kubectl(options.namespace, options.context)
    kubectl.patch(options.name, {"spec": {"suspend": False}})
    print(f"{options.name}: resumed")
    return ExitCode.OK
