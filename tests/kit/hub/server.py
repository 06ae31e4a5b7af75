"""A Hugging Face hub on 127.0.0.1, served from local directories, for tests and for trying things.

    python -m tests.kit.hub.server DIR     # DIR/models/ORG/NAME/..., DIR/datasets/ORG/NAME/...

It speaks the real protocol (downloads with ranges and redirects, private and gated repositories,
moving branches, uploads by commit and by Git LFS), so that the real huggingface_hub client,
datasets and transformers work against it; what they upload is kept byte for byte. Faults are asked
for by `hub.fault(...)`. A client finds it by the variables of `hub.env()`, set before its import.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.kit.waiting import LIMIT

from .routes import HubHandler
from .state import HubState


class Hub(HubState):
    """The hub. A context manager: the server runs inside the `with`.

    Attributes:
        url: Its address, without a trailing slash.
    """

    def __init__(
        self, root: Path | None = None, *, host: str = "127.0.0.1", port: int = 0, lfs: bool = False
    ) -> None:
        """`lfs`: ask clients to send large files by Git LFS (needs HF_HUB_DISABLE_XET=1, which `env()`
        sets); otherwise everything is asked for inside the commit."""
        self._temporary = tempfile.TemporaryDirectory() if root is None else None
        super().__init__(root or Path(self._temporary.name), lfs)  # type: ignore[union-attr]
        hub = self

        class Handler(HubHandler):
            """The handler of this hub."""

            @property
            def hub(self) -> HubState:
                """The hub it serves."""
                return hub

        self._server = ThreadingHTTPServer((host, port), Handler, bind_and_activate=True)
        self._server.daemon_threads = True
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    def __enter__(self) -> Hub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.clear_faults()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if self._temporary is not None:
            self._temporary.cleanup()

    def env(self, token: str | None = None) -> dict[str, str]:
        """Environment for a client process that is to use this hub and nothing else."""
        variables = {
            "HF_ENDPOINT": self.url,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0",
            # Ten seconds by default, which a busy machine may take.
            "HF_HUB_ETAG_TIMEOUT": f"{LIMIT:.0f}",
            "HF_HUB_DOWNLOAD_TIMEOUT": f"{LIMIT:.0f}",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        return variables | ({"HF_TOKEN": token} if token else {})

    # What it serves.

    def add_file(self, name: str, content: bytes) -> str:
        """Serves plain bytes outside any repository, with ranges. Returns their address."""
        self.static[name] = content
        return f"{self.url}/files/{name}"

    def add_redirect(self, name: str, to: str) -> str:
        """Serves a redirect to `to` (its own address makes it endless). Returns its address."""
        self.static[name] = to
        return f"{self.url}/files/{name}"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A fresh loopback hub for one test."""
    with Hub() as running:
        yield running


def main() -> None:
    """Serves the repositories below a directory until interrupted."""
    parser = argparse.ArgumentParser(description="Serve local repositories as a Hugging Face hub.")
    parser.add_argument("directory", type=Path, help="holds models/ORG/NAME and datasets/ORG/NAME")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    with Hub(host=options.host, port=options.port) as hub:
        for kind, add in (("models", hub.add_model), ("datasets", hub.add_dataset)):
            for repository in sorted((options.directory / kind).glob("*/*")):
                name = repository.relative_to(options.directory / kind).as_posix()
                print(f"{kind[:-1]} {name} at {add(name, repository)[:12]}", flush=True)
        print(f"export HF_ENDPOINT={hub.url} HF_HUB_DISABLE_XET=1 HF_TOKEN={hub.token}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
