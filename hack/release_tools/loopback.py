"""Servers on the loopback address that stand in for a public package index and a public OCI registry."""

from __future__ import annotations

import functools
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from devcluster import binaries
from devcluster.binaries import Recipe

REGISTRY = Recipe(
    name="oci-registry",
    version="v0.22.1",
    download=None,
    module="github.com/google/go-containerregistry",
    package="github.com/google/go-containerregistry/cmd/registry",
)
"""An OCI registry in memory, from go-containerregistry."""


class _QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without a line for each request."""

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


@contextmanager
def file_server(directory: Path) -> Iterator[str]:
    """Serves a directory over HTTP.

    Args:
        directory: Its files.

    Yields:
        The server's address, such as `http://127.0.0.1:40001`.
    """
    handler = functools.partial(_QuietHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def oci_registry() -> Iterator[str]:
    """Runs an empty OCI registry.

    Yields:
        Its host and port, such as `127.0.0.1:40002`.

    Raises:
        RuntimeError: It ended before it listened.
    """
    program = str(binaries.install(REGISTRY))
    with subprocess.Popen([program, "-port", "0"], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            listening = re.search(r"serving on port (\d+)", process.stderr.readline())
            if not listening:
                raise RuntimeError(f"{program} did not start: {process.stderr.read()}")
            # Its log of requests has to be read, or it stops when the pipe is full.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield f"127.0.0.1:{listening[1]}"
        finally:
            process.terminate()
