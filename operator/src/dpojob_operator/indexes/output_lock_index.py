"""Other jobs that write to the same output directory.

Their trainers would remove each other's checkpoints, and only one model could be put in place. The
index comes from events and only names candidates; a live read shows which job holds a directory.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob
from dpojob_operator.decide import OutputHolder
from dpojob_operator.decide.effective_spec import normalized_directory
from dpojob_operator.kube import ApiClient
from dpojob_operator.kube.resources import DPOJOBS

from .dependents_index import DependentsIndex

OutputDirectory = tuple[str, str, str]
"""Namespace, claim and directory in it."""


@dataclass(frozen=True)
class _Writer:
    """What the lock depends on, read from the object itself.

    A job that this version cannot parse, because another version wrote it, holds its directory too: its
    pod may be training into it.
    """

    directory: OutputDirectory
    finished: bool
    idle: bool
    """Whether it has begun nothing and cannot yet: it may still be edited to write elsewhere."""
    precedence: tuple[bool, bool, str, str]
    """Sort key: a job that trains first, then one that was inspected, then the older one."""
    being_deleted: bool

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> _Writer | None:
        """None for a job that writes to no directory yet."""
        metadata, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
        created = (status.get("artifacts") or {}).get("claimName")
        volume = (spec.get("output") or {}).get("volume") or (created and {"claimName": created})
        if not volume or spec.get("validateOnly"):
            return None
        path = normalized_directory(volume.get("path"))
        begun = bool(status.get("inspection") or status.get("dataset"))
        waits = (spec.get("model") or {}).get("fromJob") and not status.get("dependency")
        age = str(metadata.get("creationTimestamp", "")), str(metadata.get("uid", ""))
        return cls(
            directory=(str(metadata["namespace"]), str(volume["claimName"]), path),
            finished=any(
                (condition.get("type"), condition.get("status")) == (ConditionType.FINISHED, "True")
                for condition in status.get("conditions") or []
            ),
            idle=not begun and bool(spec.get("suspend") or waits),
            precedence=(not status.get("attempts"), not begun, *age),
            being_deleted="deletionTimestamp" in metadata,
        )


class OutputLockIndex:
    """Jobs by the output directory they write to."""

    def __init__(self, cluster: ApiClient, dependents: DependentsIndex) -> None:
        self._cluster = cluster
        self._dependents = dependents
        self._writers: defaultdict[OutputDirectory, set[str]] = defaultdict(set)

    def record(self, raw: Mapping[str, Any], *, deleted: bool = False) -> None:
        """Records where a DPOJob writes, until it has ended."""
        writer, name = _Writer.read(raw), raw["metadata"]["name"]
        if writer is None:
            return
        if deleted or writer.finished:
            self._drop(writer.directory, name)
        else:
            self._writers[writer.directory].add(name)

    async def find_holder(self, job: DPOJob) -> OutputHolder | None:
        """The job with precedence over `job` in the directory that both write to; None without one."""
        spec, status = job.spec.wire(), job.status.wire()
        writer = _Writer.read({"metadata": job.metadata, "spec": spec, "status": status})
        if writer is None:
            return None
        directory = writer.directory
        found = []
        for name in sorted(self._writers.get(directory, set()) - {job.name}):
            self._dependents.add_dependent((job.namespace, name), (job.namespace, job.name))
            raw = await self._cluster.get(DPOJOBS, job.namespace, name)
            other = None if raw is None else _Writer.read(raw)
            if other is None or other.directory != directory or other.finished:
                self._drop(directory, name)
            elif not other.idle and other.precedence < writer.precedence:
                path = posixpath.normpath(posixpath.join(*directory[1:]))
                found.append(OutputHolder(name, path, being_deleted=other.being_deleted))
        return min(found, key=lambda holder: holder.being_deleted, default=None)

    def _drop(self, directory: OutputDirectory, name: str) -> None:
        names = self._writers.get(directory, set())
        names.discard(name)
        if not names:
            self._writers.pop(directory, None)
