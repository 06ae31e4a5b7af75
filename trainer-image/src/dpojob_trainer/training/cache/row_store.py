"""Tokenised rows in files that are written once and never changed: an Arrow stream, and the SHA-256 of it.

A job copies a file to a directory of its pod and checks the copied bytes, since another job may remove it at any time.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa

from dpojob_trainer.training.digested_files import DigestingFile, remove_oldest, writing_whole

log = logging.getLogger(__name__)
COLUMNS = ("prompt_ids", "chosen_ids", "rejected_ids")
"""The columns of TRL's tokenised rows; training reads no others."""
SCHEMA = pa.schema([(name, pa.list_(pa.int32())) for name in COLUMNS])
SUFFIX = ".tokens"
MAX_BYTES = 4 * 2**30
"""The largest size of all files in the store; a thousand million tokens. The oldest files are removed beyond it."""
CHUNK_BYTES = 8 << 20


class TokenizedRowStore:
    """The tokenised rows of all jobs that share a cache."""

    def __init__(self, root: Path) -> None:
        self._root = root
        """Directory of the store, which jobs share."""

    def fetch(self, key: str, target: Path) -> bool:
        """Copy the rows of a key.

        Args:
            key: Of the rows.
            target: Where to write them, as an Arrow stream.

        Returns:
            Whether they were there, whole; nothing is written otherwise.
        """
        path = self._path(key)
        if not path.is_file():
            return False
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as file, writing_whole(target) as copy:
                _copy_checked(file, copy)
        except (OSError, ValueError) as error:
            log.warning("%s is left out: %s", path, error)
            return False
        with suppress(OSError):
            os.utime(path)  # Those that were used last are kept longest.
        return True

    def save(self, key: str, tables: Iterable[pa.Table]) -> None:
        """Write the rows of a key. A full or read-only volume costs later jobs time, not this one its run.

        Args:
            key: Of the rows.
            tables: The rows in order; only COLUMNS of them are kept.
        """
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with writing_whole(path) as file:
                hashed = DigestingFile(file, hashlib.sha256())
                with pa.ipc.new_stream(cast(BinaryIO, hashed), SCHEMA) as writer:
                    for table in tables:
                        writer.write_table(table.select(COLUMNS).cast(SCHEMA))
                file.write(bytes.fromhex(hashed.result().digest))
            remove_oldest(self._root, SUFFIX, MAX_BYTES)
        except OSError as error:
            log.warning("tokenised rows are not kept for later jobs: %s", error)

    def _path(self, key: str) -> Path:
        return self._root / f"{key}{SUFFIX}"


def _copy_checked(source: BinaryIO, target: BinaryIO) -> None:
    """Copy all but the hash at the end. Raises ValueError where that is not the hash of the rest."""
    digest = hashlib.sha256()
    copy = DigestingFile(target, digest)
    left = os.fstat(source.fileno()).st_size - digest.digest_size
    while left > 0:
        chunk = source.read(min(left, CHUNK_BYTES))
        if not chunk:
            break
        left -= copy.write(chunk)
    if source.read() != digest.digest():
        raise ValueError("its hash is wrong")
