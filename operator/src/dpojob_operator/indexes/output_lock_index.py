"""Other jobs that write to the same output directory.

Their trainers would remove each other's checkpoints, and only one model could be put in place. The
index comes from events and only names candidates; a live read shows which job holds a directory.
"""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob
from dpojob_operator.decide import OutputHolder
from dpojob_operator.decide.effective_spec import output_volume
from dpojob_operator.kube import ApiClient, parse_dpojob
from dpojob_operator.kube.resources import DPOJOBS

from .dependents_index import DependentsIndex

OutputDirectory = tuple[str, str, str]
"""Namespace, claim and directory in it."""


class OutputLockIndex:
    """Jobs by the output directory they write to."""

    def __init__(self, cluster: ApiClient, dependents: DependentsIndex) -> None:
        self._cluster = cluster
        self._dependents = dependents
        self._writers: defaultdict[OutputDirectory, set[str]] = defaultdict(set)

    def record(self, raw: Mapping[str, Any], *, deleted: bool = False) -> None:
        """Records where a DPOJob writes, until it has ended."""
        job = parse_dpojob(raw)
        place = None if job is None else _output_directory(job)
        if job is None or place is None:
            return
        if deleted or job.status.is_true(ConditionType.FINISHED):
            self._drop(place, job.name)
        else:
            self._writers[place].add(job.name)

    async def find_holder(self, job: DPOJob) -> OutputHolder | None:
        """The job with precedence over `job` in the directory that both write to; None without one."""
        place = _output_directory(job)
        if place is None:
            return None
        found = []
        for name in sorted(self._writers.get(place, set()) - {job.name}):
            self._dependents.add_dependent((job.namespace, name), (job.namespace, job.name))
            raw = await self._cluster.get(DPOJOBS, job.namespace, name)
            other = None if raw is None else parse_dpojob(raw)
            if other is None or not _writes_to(place, other):
                self._drop(place, name)
            elif not _idle(other) and _precedence(other) < _precedence(job):
                directory = posixpath.normpath(posixpath.join(*place[1:]))
                being_deleted = "deletionTimestamp" in other.metadata
                found.append(OutputHolder(other.name, directory, being_deleted=being_deleted))
        return min(found, key=lambda holder: holder.being_deleted, default=None)

    def _drop(self, place: OutputDirectory, name: str) -> None:
        names = self._writers.get(place, set())
        names.discard(name)
        if not names:
            self._writers.pop(place, None)


def _output_directory(job: DPOJob) -> OutputDirectory | None:
    volume = output_volume(job.spec, job.status)
    if volume is None or job.spec.validate_only:
        return None
    return job.namespace, volume.claim_name, posixpath.normpath(volume.path or ".")


def _writes_to(place: OutputDirectory, other: DPOJob) -> bool:
    return _output_directory(other) == place and not other.status.is_true(ConditionType.FINISHED)


def _has_begun(job: DPOJob) -> bool:
    return job.status.inspection is not None or job.status.dataset is not None


def _idle(job: DPOJob) -> bool:
    """Whether it has begun nothing and cannot yet: it may still be edited to write elsewhere."""
    waits = job.spec.model.from_job is not None and job.status.dependency is None
    return not _has_begun(job) and (job.spec.suspend or waits)


def _precedence(job: DPOJob) -> tuple[bool, bool, str, str]:
    """Sort key: a job that trains first, then one that was inspected, then the older one."""
    created = str(job.metadata.get("creationTimestamp", ""))
    return not job.status.attempts, not _has_begun(job), created, job.uid
