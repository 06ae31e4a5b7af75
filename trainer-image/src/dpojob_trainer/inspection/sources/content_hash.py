"""The hash of what was read: sha256 over the files' bytes, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from . import DataFile

PIECE = 4 << 20


class ContentHash:
    """Hashes files beside the reading of them. Use as a context."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="content-hash")
        self._last: Future[None] | None = None
        self._seen: list[DataFile] = []

    def __enter__(self) -> ContentHash:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.shutdown(cancel_futures=True)

    def add(self, file: DataFile) -> None:
        """The next file, once; it must have been fetched."""
        if file not in self._seen:
            self._seen.append(file)
            self._last = self._worker.submit(self._file, file.path)

    def _file(self, path: Path) -> None:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(PIECE):
                self._digest.update(piece)

    def hexdigest(self, files: Sequence[DataFile]) -> str:
        """Of all `files`. Raises OSError when one can no longer be read."""
        for file in files:
            self.add(file)
        if self._last is not None:
            self._last.result()
        return self._digest.hexdigest()
