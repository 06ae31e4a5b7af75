"""A file that is decompressed while it is read, if it is gzip or zstd."""

from __future__ import annotations

from io import FileIO
from pathlib import Path

import pyarrow as pa

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


class CompressedFile:
    """An open file. Use it as a context manager. Damaged files raise OSError.

    Args:
        path: The file, which is decompressed as its first four bytes say, whatever its name.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._stream: FileIO | pa.NativeFile = self._file
        codec = detect_compression(self._file.read(4))
        self._file.seek(0)
        if codec is not None:
            self._stream = pa.CompressedInputStream(pa.PythonFile(self._file, "r"), codec)

    def read(self, size: int) -> bytes:
        """Read the next decompressed bytes.

        Args:
            size: How many at most.

        Returns:
            The bytes; empty at the end.
        """
        return bytes(self._stream.read(size))

    def readinto(self, buffer: memoryview) -> int:
        """Read the next decompressed bytes into a buffer.

        Args:
            buffer: The buffer.

        Returns:
            Their number; 0 at the end.
        """
        return int(self._stream.readinto(buffer))

    @property
    def position(self) -> int:
        """How many bytes of the file as stored were read so far."""
        return 0 if self._file.closed else self._file.tell()

    def __enter__(self) -> CompressedFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._file.close()


def detect_compression(first_bytes: bytes) -> str | None:
    """The compression of a file.

    Args:
        first_bytes: The beginning of the file, at least 4 bytes.

    Returns:
        The codec as pyarrow names it, or None for an uncompressed file.
    """
    if first_bytes.startswith(GZIP):
        return "gzip"
    return "zstd" if first_bytes.startswith(ZSTD) else None
