"""`dpojob ui`: a page on this machine that shows the jobs of a cluster."""

from __future__ import annotations

import argparse
import webbrowser

from dpojob.console import stderr_console
from dpojob.errors import CommandError
from dpojob.kubectl import Kubectl
from dpojob.page import serve
from dpojob_api.constants import ExitCode


def run(options: argparse.Namespace) -> int:
    """Serves the page until it is interrupted.

    Args:
        options: The parsed command line.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: kubectl is not installed, or the port is taken.
    """
    kubectl = Kubectl(None, options.context)
    kubectl.command()

    def on_ready(address: str) -> None:
        print(address, flush=True)
        stderr_console().print("Ctrl-C ends it", style="dim")
        if not options.no_browser:
            webbrowser.open(address)

    try:
        serve(kubectl, options.namespace or [], options.port, on_ready)
    except OSError as error:
        raise CommandError(f"port {options.port}: {error.strerror}", reason=None) from error
    return ExitCode.OK
