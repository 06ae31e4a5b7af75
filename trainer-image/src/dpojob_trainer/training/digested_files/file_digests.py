"""Digests of files, and files that compute theirs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import xxhash

CHUNK_BYTES = 8 << 20


@dataclass(frozen=True)
class FileDigest:
    """Size and digest of a file's content."""

    size: int
    """Bytes."""
    digest: str
    """The digest in hexadecimal digits; xxh3, where no other was asked for, detects damage as well as a cryptographic one,
    at the speed of the disk."""


class Hash(Protocol):
    """An unfinished digest, of hashlib or xxhash."""

    def update(self, data: bytes | memoryview, /) -> object:
        """Take further bytes in."""

    def hexdigest(self) -> str:
        """The digest so far."""


class DigestingFile:
    """A file that is written from its begin to its end, and the digest of what was written so far."""

    closed = False
    """The attribute that pyarrow asks of a file; the file itself is closed by who opened it."""

    def __init__(self, file: BinaryIO, digest: Hash | None = None) -> None:
        """Nothing is written yet; without `digest` it is xxh3."""
        self._file = file
        self._digest: Hash = xxhash.xxh3_128() if digest is None else digest
        self._size = 0

    def write(self, data: bytes | memoryview) -> int:
        """Append to the file."""
        self._file.write(data)
        self._digest.update(data)
        size = memoryview(data).nbytes
        self._size += size
        return size

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def result(self) -> FileDigest:
        """The digest of everything that was written."""
        return FileDigest(self._size, self._digest.hexdigest())


class FileDigests:
    """The digests of the files that this process has written."""

    def __init__(self) -> None:
        self._by_path: dict[Path, FileDigest] = {}

    @contextmanager
    def writing(self, path: Path) -> Iterator[DigestingFile]:
        """Write a file; its digest counts once the block is left without an error."""
        self._by_path.pop(path, None)
        with path.open("wb") as file:
            digesting = DigestingFile(file)
            yield digesting
        self._by_path[path] = digesting.result()

    def of(self, path: Path) -> FileDigest:
        """The digest of a file: from writing it, or, of one that was written elsewhere, by reading it.

        A file that has another size than it was written with was written elsewhere since.
        """
        found = self._by_path.get(path)
        if found is None or path.stat().st_size != found.size:
            return read_digest(path)
        return found

    def forget(self, directory: Path) -> None:
        """Forget the files of a directory, which may be written anew by others."""
        for path in [path for path in self._by_path if path.is_relative_to(directory)]:
            del self._by_path[path]


def read_digest(path: Path) -> FileDigest:
    """Read a file for its digest.

    Args:
        path: Any file.
    """
    digest, size = xxhash.xxh3_128(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return FileDigest(size, digest.hexdigest())
