"""A file's bytes, decompressed when they are gzip or zstd, and how far into the file they are."""

from __future__ import annotations

from io import FileIO
from pathlib import Path

import pyarrow as pa

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


class Stored:
    """An open file. Use as a context. Raises OSError for a damaged one."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._stream: FileIO | pa.NativeFile = self._file
        kind = compression(self._file.read(4))
        self._file.seek(0)
        if kind is not None:
            self._stream = pa.CompressedInputStream(pa.PythonFile(self._file, "r"), kind)

    def read(self, size: int) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        return bytes(self._stream.read(size))

    def readinto(self, room: memoryview) -> int:
        """Puts the next bytes there; how many, 0 at the end."""
        return int(self._stream.readinto(room))

    @property
    def position(self) -> int:
        """How many bytes of the file, as stored, were read."""
        return 0 if self._file.closed else self._file.tell()

    def __enter__(self) -> Stored:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._file.close()


def compression(head: bytes) -> str | None:
    """How a file that begins so is compressed, as pyarrow names it."""
    if head.startswith(GZIP):
        return "gzip"
    return "zstd" if head.startswith(ZSTD) else None
