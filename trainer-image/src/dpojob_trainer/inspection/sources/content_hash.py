"""The hash of a dataset's content: SHA-256 over the bytes of its files, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from .data_files import DataFile

CHUNK_BYTES = 4 << 20
"""Bytes that are hashed at a time."""


class ContentHash:
    """Hashes files in a thread while they are read. Use it as a context manager."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="content-hash")
        self._last_task: Future[None] | None = None
        self._added: list[DataFile] = []

    def __enter__(self) -> ContentHash:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(cancel_futures=True)

    def add(self, file: DataFile) -> None:
        """Hash the next file; a file that was added before is not hashed again.

        Args:
            file: The file.
        """
        if file not in self._added:
            self._added.append(file)
            self._last_task = self._worker.submit(self._hash_file, file.path)

    def _hash_file(self, path: Path) -> None:
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(CHUNK_BYTES):
                self._digest.update(chunk)

    def hexdigest(self, files: Sequence[DataFile]) -> str:
        """The hash of all files.

        Args:
            files: The files in order; those that were not added yet are hashed now.

        Returns:
            The SHA-256 digest in hexadecimal.

        Raises:
            OSError: A file can no longer be read.
        """
        for file in files:
            self.add(file)
        if self._last_task is not None:
            self._last_task.result()
        return self._digest.hexdigest()
