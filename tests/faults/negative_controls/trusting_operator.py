"""A negative control: this operator without its live reads, so that it trusts its stores.

A Job that the store lacks counts as deleted, and what cannot be taken back is not confirmed. Watches bring no Jobs, only
lists and the answers to its own writes do: after a stale list it would be chance whether the watch is faster than the
first pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.kit.cluster import clock_override

from dpojob_operator.controllers import Handlers
from dpojob_operator.controllers.dpojob import StateReader, reconciler
from dpojob_operator.decide.object_snapshots import JobSnapshot
from dpojob_operator.kube.resources import JOBS

take_object = Handlers.take_object


def _take_listed_jobs(handlers: Handlers, path: str, event: str, raw: Mapping[str, Any]) -> None:
    if event == "LISTED" or not path.endswith(f"/{JOBS.plural}"):
        take_object(handlers, path, event, raw)


async def _stored_job(
    reader: StateReader, namespace: str, name: str, live: bool
) -> JobSnapshot | None:
    return reader._stores.jobs.get((namespace, name))


def main() -> None:
    """The operator's process."""
    replaced: list[tuple[Any, str, Any]] = [
        (StateReader, "_job", _stored_job),
        (reconciler, "is_irreversible", lambda *_: False),
        (Handlers, "take_object", _take_listed_jobs),
    ]
    for owner, name, instead in replaced:
        setattr(owner, name, instead)
    clock_override.main()
