"""What a hub serves, the faults that a test asked for, and the log of requests."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from pathlib import Path

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


class HubState:
    """The repositories, files, faults and requests of a hub.

    Attributes:
        token: A token that may do everything; `other_token` is valid and may read nothing restricted.
        requests: Every request answered so far, in the order of the answers.
    """

    token = TOKEN
    other_token = OTHER_TOKEN

    def __init__(self, root: Path, lfs: bool) -> None:
        self.root = root
        self.lfs = lfs
        self.requests: list[Request] = []
        self.static: dict[str, bytes | str] = {}
        self.repositories: dict[tuple[Kind, str], Repository] = {}
        self.large_files: dict[str, Path] = {}
        self.lock = threading.RLock()
        self._faults: list[Fault] = []

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
