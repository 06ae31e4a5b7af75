"""`dpojob cancel`: deletes a job on a cluster."""

from __future__ import annotations

import argparse
import sys

from rich.prompt import Confirm

from dpojob.console import stderr_console
from dpojob.errors import CommandError
from dpojob.kubectl import RESOURCE, Kubectl
from dpojob.views.status_view import headline
from dpojob_api.constants import ExitCode


def run(options: argparse.Namespace) -> int:
    """Deletes the job after a confirmation; its output claim and its uploads remain.

    Args:
        options: The parsed command line.

    Returns:
        The exit status: 0 when the job was deleted, 1 when the user declined.

    Raises:
        CommandError: kubectl fails, or standard input is no terminal and --yes is missing.
    """
    kubectl = Kubectl(options.namespace, options.context)
    job = kubectl.job(options.name)
    stderr_console().print(headline(job))
    if not options.yes:
        if not sys.stdin.isatty():
            raise CommandError("cancel deletes the job; say --yes where nobody can be asked")
        if not Confirm.ask(f"Delete {options.name}? Its output claim stays", default=False):
            return ExitCode.INVALID
    kubectl.run("delete", RESOURCE, options.name)
    print(f"{options.name}: deleted; its output claim and what it uploaded stay")
    return ExitCode.OK
