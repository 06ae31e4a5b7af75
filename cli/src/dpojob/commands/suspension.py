"""`dpojob suspend` and `dpojob resume`: pause a job on a cluster, and let it continue."""

from __future__ import annotations

import argparse

from dpojob.kubectl import Kubectl
from dpojob_api.constants import ExitCode


def suspend(options: argparse.Namespace) -> int:
    """Sets the job's spec.suspend to true.

    Args:
        options: The parsed command line.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: kubectl fails.
    """
    _set_suspend(options, True)
    print(f"{options.name}: suspended; training stops with a checkpoint. `resume` goes on from it")
    return ExitCode.OK


def resume(options: argparse.Namespace) -> int:
    """Sets the job's spec.suspend to false.

    Args:
        options: The parsed command line.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: kubectl fails.
    """
    _set_suspend(options, False)
    print(f"{options.name}: resumed")
    return ExitCode.OK


def _set_suspend(options: argparse.Namespace, suspend: bool) -> None:
    kubectl = Kubectl(options.namespace, options.context)
    kubectl.patch(options.name, {"spec": {"suspend": suspend}})
