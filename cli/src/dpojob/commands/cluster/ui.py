"""`dpojob ui`: a page on this machine that shows the jobs of a cluster."""

from __future__ import annotations

import webbrowser
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from dpojob.cluster.api import Api
from dpojob.cluster.kubeconfig import load_access
from dpojob.console import stderr_console
from dpojob.errors import CommandError
from dpojob.page import redirect_page, serve
from dpojob_api.constants import ExitCode


def run(context: str | None, namespaces: Sequence[str], port: int, *, browser: bool) -> int:
    """Serves the page until it is interrupted.

    Args:
        context: A context of the kubeconfig; None for its current one.
        namespaces: The namespaces to show; none for all that the user may read.
        port: The port; 0 for a free one.
        browser: Open the page in the browser.

    Returns:
        The exit status, 0.

    Raises:
        CommandError: No cluster is configured, the kubeconfig cannot be used, or the port is taken.
    """
    api = Api(partial(load_access, context))

    def on_ready(address: str) -> None:
        print(address, flush=True)
        stderr_console().print("Ctrl-C ends it", style="dim")
        if browser:
            # Every user of the machine can read the browser's arguments, so they do not hold the address.
            file = Path(directory, "dpojob-ui.html")
            file.touch(mode=0o600)
            file.write_text(redirect_page(address))
            webbrowser.open(file.as_uri())

    try:
        with TemporaryDirectory(prefix="dpojob-ui-") as directory:  # Its mode is 0700.
            serve(api, context, namespaces, port, on_ready)
    except KeyboardInterrupt:
        return ExitCode.OK  # Ctrl-C is how the page is ended.
    except OSError as error:
        raise CommandError(f"port {port}: {error.strerror}", reason=None) from error
    return ExitCode.OK
