"""A Hugging Face hub on 127.0.0.1, served from local directories, for tests and for trying things.

    python -m tests.kit.hub.server DIR     # DIR/models/ORG/NAME/..., DIR/datasets/ORG/NAME/...

It speaks the real protocol (downloads with ranges and redirects, private and gated repositories,
moving branches, uploads by commit and by Git LFS), so that the real huggingface_hub client,
datasets and transformers work against it; what they upload is kept byte for byte. Faults are asked
for by `hub.fault(...)`. A client finds it by the variables of `hub.env()`, set before its import.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.kit.waiting import LIMIT

from .routes import HubHandler
from .store import Kind, Repository, directory_files

TOKEN = "hf_loopback_owner"
"""Reads and writes everything."""
OTHER_TOKEN = "hf_loopback_other"
"""A valid token that may read no private and no gated repository."""


@dataclass(frozen=True)
class Request:
    """One request as it came, with the answer's status (0: it is left hanging)."""

    method: str
    path: str
    query: str
    token: str | None
    range: str | None
    status: int


@dataclass
class Fault:
    """The failure of requests whose "METHOD /path?query" matches `pattern`."""

    pattern: re.Pattern[str]
    times: int | None
    status: int | None
    cut_after: int | None
    released: threading.Event = field(default_factory=threading.Event)
    hang: bool = False
    hits: int = 0


class Hub:
    """The hub. A context manager: the server runs inside the `with`.

    Attributes:
        url: Its address, without a trailing slash.
        token: A token that may do everything; `other_token` is valid and may read nothing restricted.
        requests: Every request answered so far, in the order of the answers.
    """

    token = TOKEN
    other_token = OTHER_TOKEN

    def __init__(
        self, root: Path | None = None, *, host: str = "127.0.0.1", port: int = 0, lfs: bool = False
    ) -> None:
        """`lfs`: ask clients to send large files by Git LFS (needs HF_HUB_DISABLE_XET=1, which `env()`
        sets); otherwise everything is asked for inside the commit."""
        self._temporary = tempfile.TemporaryDirectory() if root is None else None
        self.root = root or Path(self._temporary.name)  # type: ignore[union-attr]
        self.lfs = lfs
        self.requests: list[Request] = []
        self.static: dict[str, bytes | str] = {}
        self.repositories: dict[tuple[Kind, str], Repository] = {}
        self.large_files: dict[str, Path] = {}
        self.lock = threading.RLock()
        self._faults: list[Fault] = []
        hub = self

        class Handler(HubHandler):
            """The handler of this hub."""

            @property
            def hub(self) -> Hub:
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

    def add_model(
        self, repo: str, directory: Path, *, private: bool = False, gated: bool = False
    ) -> str:
        """Serves a copy of `directory` as a model repository. Returns main's commit."""
        return self.add("model", repo, private=private, gated=gated).commit(
            dict(directory_files(directory))
        )

    def add_dataset(
        self, repo: str, directory: Path, *, private: bool = False, gated: bool = False
    ) -> str:
        """Serves a copy of `directory` as a dataset repository. Returns main's commit."""
        return self.add("dataset", repo, private=private, gated=gated).commit(
            dict(directory_files(directory))
        )

    def add(
        self, kind: Kind, repo: str, *, private: bool = False, gated: bool = False
    ) -> Repository:
        """Makes an empty repository (a new one, if there was one of that name)."""
        with self.lock:
            root = self.root / f"{kind}s" / f"{len(self.repositories)}-{repo.replace('/', '--')}"
            repository = Repository(kind, repo, root, private=private, gated=gated)
            self.repositories[kind, repo] = repository
            return repository

    def commit(
        self, repo: str, directory: Path, *, branch: str = "main", kind: Kind = "model"
    ) -> str:
        """Moves `branch` (made if absent) to a new commit with exactly the files of `directory`."""
        with self.lock:
            return self.repository(repo, kind).commit(
                dict(directory_files(directory)), branch, keep=False
            )

    def repository(self, repo: str, kind: Kind = "model") -> Repository:
        """The repository. Raises KeyError when there is none."""
        return self.repositories[kind, repo]

    def files(self, repo: str, revision: str = "main", *, kind: Kind = "model") -> dict[str, bytes]:
        """Path to content, at a revision. Raises KeyError when there is no such repository."""
        stored = self.repository(repo, kind).files(revision)
        return {path: file.location.read_bytes() for path, file in stored.items()}

    def add_file(self, name: str, content: bytes) -> str:
        """Serves plain bytes outside any repository, with ranges. Returns their address."""
        self.static[name] = content
        return f"{self.url}/files/{name}"

    def add_redirect(self, name: str, to: str) -> str:
        """Serves a redirect to `to` (its own address makes it endless). Returns its address."""
        self.static[name] = to
        return f"{self.url}/files/{name}"

    # Failures of requests.

    def fault(
        self,
        pattern: str,
        *,
        status: int | None = None,
        times: int | None = None,
        hang: bool = False,
        cut_after: int | None = None,
    ) -> Fault:
        """Breaks requests whose "METHOD /path?query" matches the regular expression `pattern`.

        Args:
            pattern: Searched for, not anchored.
            status: Answer with this status instead, such as 500 or 404.
            times: The number of requests to answer so; None is all of them.
            hang: Answer nothing until `clear_faults()` or the hub's end, then close.
            cut_after: The number of bytes of the body after which the connection is closed.
        """
        fault = Fault(re.compile(pattern), times, status, cut_after, hang=hang)
        with self.lock:
            self._faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        """Ends every fault and releases what hangs."""
        with self.lock:
            for fault in self._faults:
                fault.released.set()
            self._faults.clear()

    def take_fault(self, request: str) -> Fault | None:
        """The fault that a request meets now, counted."""
        with self.lock:
            for fault in self._faults:
                if fault.pattern.search(request) and (
                    fault.times is None or fault.hits < fault.times
                ):
                    fault.hits += 1
                    return fault
        return None


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
