"""Repositories of the loopback hub: commits as directories on disk, branches as names for them."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Kind = Literal["model", "dataset"]
LARGE = {".safetensors", ".bin", ".parquet", ".arrow", ".gz", ".zst", ".pt", ".gguf", ".zip"}
"""Suffixes that the hub stores as large files (Git LFS) and serves by redirect from its CDN."""


def digests(path: Path) -> tuple[str, str]:
    """(git blob id, sha256) of a file."""
    blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            blob.update(chunk)
            sha256.update(chunk)
    return blob.hexdigest(), sha256.hexdigest()


@dataclass(frozen=True)
class StoredFile:
    """One file of one commit."""

    path: str
    location: Path
    size: int
    blob: str
    sha256: str

    @property
    def large(self) -> bool:
        """Whether the hub keeps it outside git."""
        return Path(self.path).suffix in LARGE

    @property
    def etag(self) -> str:
        """The ETag as the hub gives it: sha256 of large files, git's blob id of others."""
        return self.sha256 if self.large else self.blob

    def entry(self) -> dict[str, Any]:
        """The file as `/tree` and `/paths-info` list it."""
        entry: dict[str, Any] = {
            "type": "file", "oid": self.blob, "size": self.size, "path": self.path,
        }  # fmt: skip
        if self.large:
            entry["lfs"] = {"oid": self.sha256, "size": self.size, "pointerSize": 134}
        return entry


@dataclass
class Repository:
    """A repository: what may read it, its commits, and what its branches point at."""

    kind: Kind
    id: str
    root: Path
    private: bool = False
    gated: bool = False
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, dict[str, StoredFile]] = field(default_factory=dict)

    def resolve(self, revision: str) -> str | None:
        """The commit that a branch, tag or (abbreviated) commit means."""
        if revision in self.branches:
            return self.branches[revision]
        matches = [sha for sha in self.commits if len(revision) >= 7 and sha.startswith(revision)]
        return matches[0] if len(matches) == 1 else None

    def files(self, revision: str = "main") -> dict[str, StoredFile]:
        """Path to file, at a revision. Raises KeyError when there is no such revision."""
        sha = self.resolve(revision)
        if sha is None:
            raise KeyError(f"{self.id} has no revision {revision!r}")
        return self.commits[sha]

    def commit(
        self,
        changes: Mapping[str, Path | bytes],
        branch: str = "main",
        *,
        deleted: tuple[str, ...] = (),
        keep: bool = True,
    ) -> str:
        """Writes a commit on top of `branch`, or with `keep=False` on top of nothing, and moves the branch there.

        Deleted paths that end in "/" are folders. Returns the new commit.
        """
        base = dict(self.commits[self.branches[branch]]) if keep and branch in self.branches else {}
        sources: dict[str, Path | bytes] = {
            path: file.location
            for path, file in base.items()
            if not any(
                path == gone or (gone[-1:] == "/" and path.startswith(gone)) for gone in deleted
            )
        }
        sources.update(changes)
        staging = self.root / f"commit-{len(self.commits)}"
        stored = {path: self._store(path, source, staging) for path, source in sources.items()}
        lines = [f"{self.kind} {self.id} {len(self.commits)} {self.branches.get(branch)}"]
        lines += [f"{path} {file.sha256}" for path, file in sorted(stored.items())]
        sha = hashlib.sha1("\n".join(lines).encode(), usedforsecurity=False).hexdigest()
        self.commits[sha] = dict(sorted(stored.items()))
        self.branches[branch] = sha
        return sha

    def _store(self, path: str, source: Path | bytes, staging: Path) -> StoredFile:
        target = staging / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            target.write_bytes(source)
        elif source.is_relative_to(self.root):
            os.link(source, target)
        else:
            shutil.copyfile(source, target)
        blob, sha256 = digests(target)
        return StoredFile(path, target, target.stat().st_size, blob, sha256)

    def tree(self, files: Mapping[str, StoredFile], folder: str, recursive: bool) -> list[Any]:
        """Entries below `folder` ("" is the root): files and folders, as the hub lists them."""
        prefix = f"{folder}/" if folder else ""
        entries: dict[str, dict[str, Any]] = {}
        for path, file in files.items():
            if not path.startswith(prefix):
                continue
            parts = path.removeprefix(prefix).split("/")
            for depth in range(1, len(parts) if recursive else min(2, len(parts))):
                parent = prefix + "/".join(parts[:depth])
                entries.setdefault(parent, folder_entry(parent))
            if recursive or len(parts) == 1:
                entries[path] = file.entry()
        return list(entries.values())


def folder_entry(path: str) -> dict[str, Any]:
    """A folder, as `/tree` lists it."""
    oid = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path}


def directory_files(directory: Path) -> Iterator[tuple[str, Path]]:
    """(path in the repository, file) of everything below a local directory, `.git` aside."""
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if path.is_file() and ".git" not in relative.parts:
            yield relative.as_posix(), path
