"""Log-probabilities of pairs in files that are written once and never changed.

A file holds a line with its number of entries and the SHA-256 of the rest, then the entries: 32 bytes of key and two
64-bit numbers, for chosen and rejected. It is written under another name and renamed, so that writers need no lock
and a reader sees whole files only. A file whose hash is wrong is left out.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import struct
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from dpojob_trainer.training.digested_files import remove_oldest, writing_whole

log = logging.getLogger(__name__)
ENTRY = struct.Struct("<32sdd")
"""A key with the log-probabilities of chosen and rejected."""
SUFFIX = ".pairs"
MAX_BYTES = 2**30
"""The largest size of all files in the store; 25 million pairs. The oldest files are removed beyond it."""

SAVE_EVERY = 10_000
"""Pairs after which the values are written, so that a run that is stopped loses few of them."""

Values = tuple[float, float]
"""Log-probabilities of chosen and rejected, nats."""


class LogProbabilityStore:
    """The values of one reference model; the store knows only the size of those of others."""

    def __init__(self, root: Path, reference: str) -> None:
        """Read what is there.

        Args:
            root: Directory of the store, which jobs share.
            reference: Key of the reference model.
        """
        self._root = root
        self._directory = root / reference[:32]
        self._values: dict[bytes, Values] = {}
        self._new: dict[bytes, Values] = {}
        for path in _files(self._directory):
            self._values.update(_read(path))

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: bytes) -> Values | None:
        """The values of a pair; None where they are not known."""
        return self._values.get(key)

    def add(self, key: bytes, values: Values) -> None:
        """Remember the values of a pair until `save`; values that are no finite numbers are not kept."""
        if key not in self._values and all(map(math.isfinite, values)):
            self._values[key] = self._new[key] = values
        if len(self._new) >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Write the values that were added. A full or read-only volume costs the values, not the run."""
        if not self._new:
            return
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            _write(self._directory, self._new)
            remove_oldest(self._root, SUFFIX, MAX_BYTES)
        except OSError as error:
            log.warning("reference log-probabilities are not kept for later jobs: %s", error)
        self._new = {}


def _files(directory: Path) -> list[Path]:
    try:
        return sorted(directory.glob(f"*{SUFFIX}"))
    except OSError:
        return []


def _read(path: Path) -> Mapping[bytes, Values]:
    try:
        header, _, body = path.read_bytes().partition(b"\n")
        described = json.loads(header)
        if hashlib.sha256(body).hexdigest() != described["sha256"]:
            raise ValueError("its hash is wrong")
        return dict(_entries(body))
    except (OSError, ValueError, KeyError, TypeError, struct.error, RecursionError) as error:
        log.warning("%s is left out: %s", path, error)
        return {}


def _entries(body: bytes) -> Iterator[tuple[bytes, Values]]:
    for key, chosen, rejected in ENTRY.iter_unpack(body):
        if math.isfinite(chosen) and math.isfinite(rejected):
            yield key, (chosen, rejected)


def _write(directory: Path, values: Mapping[bytes, Values]) -> None:
    body = b"".join(ENTRY.pack(key, *found) for key, found in values.items())
    header = {"entries": len(values), "sha256": hashlib.sha256(body).hexdigest()}
    with writing_whole(directory / f"{uuid.uuid4().hex}{SUFFIX}") as file:
        file.write(json.dumps(header).encode() + b"\n" + body)
