"""Other jobs that write to the same output directory.

Their trainers would remove each other's checkpoints, and only one model could be put in place. The
index comes from events and only names candidates; a live read shows which job holds a directory.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dpojob_api.job import DPOJob
from dpojob_operator.decide import OutputHolder, is_finished
from dpojob_operator.decide.effective_spec import normalized_directory
from dpojob_operator.kube import ApiClient, Key, key_of
from dpojob_operator.kube.resources import DPOJOBS

from .dependents_index import DependentsIndex
from .ordered_groups import OrderedGroups

OutputDirectory = tuple[str, str, str]
"""Namespace, claim and directory in it."""
Precedence = tuple[bool, bool, str, str]


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
    precedence: Precedence
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
            finished=is_finished(raw),
            idle=not begun and bool(spec.get("suspend") or waits),
            precedence=(not status.get("attempts"), not begun, *age),
            being_deleted="deletionTimestamp" in metadata,
        )


class OutputLockIndex:
    """Jobs by the output directory they write to."""

    def __init__(self, cluster: ApiClient, dependents: DependentsIndex) -> None:
        self._cluster = cluster
        self._dependents = dependents
        self._writers: OrderedGroups[Key, OutputDirectory, tuple[Precedence, str]] = OrderedGroups()
        """Names by directory, that with precedence first."""

    def record(self, raw: Mapping[str, Any], *, deleted: bool = False) -> None:
        """Records where a DPOJob writes, until it has ended."""
        writer, key = _Writer.read(raw), key_of(raw)
        if writer is None or deleted or writer.finished:
            self.remove(key)
        else:
            self._writers.put(key, writer.directory, (writer.precedence, key[1]))

    def remove(self, key: Key) -> None:
        """Takes note that a DPOJob does not exist."""
        self._writers.remove(key)

    async def find_holder(self, job: DPOJob) -> OutputHolder | None:
        """The job with precedence over `job` in the directory that both write to; None without one."""
        spec, status = job.spec.wire(), job.status.wire()
        writer = _Writer.read({"metadata": job.metadata, "spec": spec, "status": status})
        if writer is None:
            return None
        directory = writer.directory
        # Two jobs that were read before their events would else not find each other.
        self._writers.put((job.namespace, job.name), directory, (writer.precedence, job.name))
        leaving = None
        # The first of them most likely holds the lock, so that each of many jobs that name one directory reads one other.
        for _, name in tuple(self._writers.groups.get(directory, ())):
            if name == job.name:
                continue
            self._dependents.add_dependent((job.namespace, name), (job.namespace, job.name))
            raw = await self._cluster.get(DPOJOBS, job.namespace, name)
            if raw is None:
                self.remove((job.namespace, name))
                continue
            self.record(raw)
            other = _Writer.read(raw)
            if other is None or other.directory != directory or other.finished or other.idle:
                continue
            if other.precedence < writer.precedence:
                path = posixpath.normpath(posixpath.join(*directory[1:]))
                holder = OutputHolder(name, path, being_deleted=other.being_deleted)
                if not holder.being_deleted:
                    return holder
                leaving = leaving or holder
        return leaving
