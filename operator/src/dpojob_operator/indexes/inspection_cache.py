"""Jobs of a namespace by what they inspect, so that jobs over one dataset and model share a report.

The cache comes from events and may be stale or incomplete; it only names candidates. A candidate is read from
the store, or live; one that does not exist, only live.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from dpojob_api.conditions import ConditionType
from dpojob_api.job import DPOJob
from dpojob_api.spec import DPOJobSpec
from dpojob_operator.decide import SharedInspection, inspection_result
from dpojob_operator.kube import ApiClient, Key, parse_dpojob
from dpojob_operator.kube.resources import DPOJOBS

from .commit_lookup import CommitLookup
from .dependents_index import DependentsIndex
from .inspection_key import hub_repositories, inspection_key
from .object_stores import ObjectStores


class InspectionCache:
    """Finds jobs whose inspection another may share."""

    def __init__(
        self,
        cluster: ApiClient,
        stores: ObjectStores,
        endpoint: str,
        dependents: DependentsIndex,
        resolved: Callable[[Key], None],
    ) -> None:
        """`resolved` is called with the key of each job whose revisions were looked up."""
        self._cluster = cluster
        self._stores = stores
        self._parsed: dict[tuple[str, str], tuple[tuple[str, int], DPOJob]] = {}
        """The candidate that was used last, with UID and resourceVersion, by namespace and key."""
        self._dependents = dependents
        self._by_key: defaultdict[tuple[str, str], dict[str, tuple[str, str]]] = defaultdict(dict)
        self._commits = CommitLookup(endpoint, resolved)

    def record(self, raw: Mapping[str, Any], *, deleted: bool = False) -> None:
        """Records the key under which a DPOJob inspects, or inspected."""
        metadata = raw["metadata"]
        key = ((raw.get("status") or {}).get("inspection") or {}).get("key")
        if key is None:
            return
        if deleted:
            self._drop(metadata["namespace"], key, metadata["name"], metadata["uid"])
        else:
            stamp = (metadata.get("creationTimestamp", ""), metadata["uid"])
            self._by_key[metadata["namespace"], key][metadata["name"]] = stamp

    def _drop(self, namespace: str, key: str, name: str, uid: str) -> None:
        names = self._by_key.get((namespace, key), {})
        if names.get(name, ("", uid))[1] == uid:
            names.pop(name, None)
        if not names:
            self._by_key.pop((namespace, key), None)
            self._parsed.pop((namespace, key), None)

    def is_pending(self, job: DPOJob, spec: DPOJobSpec) -> bool:
        """Whether the job's revisions are being looked up on the hub; `find_shared` then is too early."""
        key = (job.namespace, job.name)
        named = hub_repositories(spec) or ()
        pending = [self._commits.is_pending(revision, key) for revision in named]
        return any(pending)

    async def find_shared(
        self, job: DPOJob, spec: DPOJobSpec
    ) -> tuple[str | None, SharedInspection | None]:
        """The key of the job's inspection, and another job's that it may share or wait for."""
        named = hub_repositories(spec)
        if named is None:
            return None, None
        model, dataset = map(self._commits.commit, named)
        if model is None or dataset is None:
            return None, None
        key = inspection_key(spec, model, dataset)
        names = dict(self._by_key.get((job.namespace, key), {}))
        order = [uid for _, uid in names.values()]
        before = set(order[: order.index(job.uid)] if job.uid in order else order)
        for name, (_, uid) in sorted(names.items(), key=lambda item: item[1]):
            if uid == job.uid:
                continue
            self._dependents.add_dependent((job.namespace, name), (job.namespace, job.name))
            found, candidate = await self._candidate(job.namespace, key, name, uid)
            if not found:
                self._drop(job.namespace, key, name, uid)
                continue
            # When neither of two jobs has begun, only one may wait for the other.
            first = uid in before
            shared = (
                None if candidate is None else _usable(candidate, key, model, dataset, first=first)
            )
            if shared is not None:
                return key, shared
        # Later jobs find this one from here on, before its status is written.
        stamp = str(job.metadata.get("creationTimestamp", ""))
        if not job.spec.suspend:
            self._by_key[job.namespace, key][job.name] = (stamp, job.uid)
        return key, None

    async def _candidate(
        self, namespace: str, key: str, name: str, uid: str
    ) -> tuple[bool, DPOJob | None]:
        """Whether the job with that UID exists, and the job; None where it cannot be parsed."""
        identity = self._stores.dpojobs.identity((namespace, name))
        known = self._parsed.get((namespace, key))
        if known is not None and known[0] == identity and identity[0] == uid:
            return True, known[1]
        raw = self._stores.dpojob((namespace, name))
        raw = raw or await self._cluster.get(DPOJOBS, namespace, name)
        if raw is None or raw["metadata"]["uid"] != uid:
            return False, None
        candidate = parse_dpojob(raw)
        if candidate is not None:
            version = int(raw["metadata"]["resourceVersion"])
            self._parsed[namespace, key] = ((uid, version), candidate)
        return True, candidate


def _usable(
    candidate: DPOJob, key: str, model: str, dataset: str, *, first: bool
) -> SharedInspection | None:
    status = candidate.status
    recorded = status.inspection
    if status.dataset is not None and status.model is not None:
        same = (status.model.revision, status.dataset.revision) == (model, dataset)
        if recorded is None or recorded.key != key or not same:
            return None  # the branch moved between resolving and reading
        return SharedInspection(candidate.name, inspection_result.report_from_status(status))
    waiting = not status.is_true(ConditionType.FINISHED) and not candidate.spec.suspend
    will_inspect = waiting and (first if recorded is None else recorded.key == key)
    return SharedInspection(candidate.name) if will_inspect else None
