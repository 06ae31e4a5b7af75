"""What decisions read of DPOJobs, Jobs, Pods, PersistentVolumeClaims, GPUPools and CostQuotas, kept from watches."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from dpojob_api.base import JSONObject
from dpojob_api.pool import GPUPool
from dpojob_operator.decide import is_finished
from dpojob_operator.decide.object_snapshots import (
    ENDED_PHASES,
    JobSnapshot,
    PVCSnapshot,
    RawObject,
)
from dpojob_operator.kube import (
    Key,
    ObjectStore,
    UnreadableObject,
    owning_dpojob,
    parse_gpupool,
    select_fields,
)
from dpojob_operator.kube.resources import (
    CLAIMS,
    COSTQUOTAS,
    DPOJOBS,
    GPUPOOLS,
    JOBS,
    PODS,
    Resource,
)

from .quota_index import QuotaIndex, read_quota

MAX_KEPT_BYTES = 65536
"""A larger DPOJob, without its managed fields, is read from the API server for each pass: users fill them up to 1.5 MiB."""
POD_FIELDS: dict[str, Any] = {
    "metadata": {
        "name": True,
        "namespace": True,
        "uid": True,
        "creationTimestamp": True,
        "deletionTimestamp": True,
        "labels": True,
        "ownerReferences": True,
        "finalizers": True,
        "annotations": {"batch.kubernetes.io/job-completion-index": True},
    },
    "spec": {"nodeName": True},
    "status": {
        "phase": True,
        "reason": True,
        "message": True,
        "podIP": True,
        "conditions": True,
        "containerStatuses": True,
    },
}
"""The fields of a pod that pod_ownership.py and `PodSnapshot` read, beside its containers' limits; True: with all
that the field holds."""


@dataclass(frozen=True, slots=True)
class LargeDPOJob:
    """What is kept of a DPOJob of more than `MAX_KEPT_BYTES`: two versions of it are unequal, and so count as a change."""

    version: str
    """Its resourceVersion."""


class ObjectStores:
    """One store for each kind of object that is watched."""

    def __init__(self) -> None:
        self.dpojobs: ObjectStore[bytes | LargeDPOJob] = ObjectStore(_kept_dpojob)
        """The objects as JSON, compressed for those that have ended; of large ones only the version."""
        self.jobs: ObjectStore[JobSnapshot] = ObjectStore(JobSnapshot.read, group=owning_dpojob)
        """The Jobs by the DPOJob in their labels, as pods."""
        self.pods: ObjectStore[bytes] = ObjectStore(_kept_pod, group=owning_dpojob)
        """What is read of a pod, in the same form: as objects of Python it would take four times the memory."""
        self.claims: ObjectStore[PVCSnapshot] = ObjectStore(PVCSnapshot.read)
        self.pools: ObjectStore[GPUPool | None] = ObjectStore(parse_gpupool)
        """None for pools that this version cannot parse."""
        self.quotas: ObjectStore[QuotaIndex | UnreadableObject] = ObjectStore(
            read_quota, _namespace
        )
        """The quotas by namespace."""
        self._by_plural: dict[str, ObjectStore[Any]] = {
            DPOJOBS.plural: self.dpojobs,
            JOBS.plural: self.jobs,
            PODS.plural: self.pods,
            CLAIMS.plural: self.claims,
            GPUPOOLS.plural: self.pools,
            COSTQUOTAS.plural: self.quotas,
        }

    def of(self, plural: str) -> ObjectStore[Any]:
        """Returns the store of a kind."""
        return self._by_plural[plural]

    def dpojob(self, key: Key) -> JSONObject | None:
        """Returns the DPOJob; None when the API server must be asked."""
        kept = self.dpojobs.get(key)
        return _unpacked(kept) if isinstance(kept, bytes) else None

    def pods_of(self, key: Key) -> list[RawObject]:
        """Returns what is kept of the pods of a DPOJob."""
        return [_unpacked(kept) for kept in self.pods.of_group(key)]

    def active_pods(self) -> list[RawObject]:
        """Returns what is kept of all pods that have not ended."""
        return [_unpacked(kept) for kept in self.pods.values() if not _has_ended(kept)]

    def quotas_of(self, namespace: str) -> tuple[QuotaIndex, ...]:
        """Returns the CostQuotas of a namespace that can be read, by name."""
        found = self.quotas.of_group((namespace, ""))
        readable = [quota for quota in found if isinstance(quota, QuotaIndex)]
        return tuple(sorted(readable, key=lambda index: index.quota.name))

    def unreadable_quotas_of(self, namespace: str) -> tuple[UnreadableObject, ...]:
        """Returns the CostQuotas of a namespace that this version cannot parse, by name."""
        found = self.quotas.of_group((namespace, ""))
        unreadable = [quota for quota in found if isinstance(quota, UnreadableObject)]
        return tuple(sorted(unreadable, key=lambda quota: quota.name))

    def observe(self, resource: Resource, raw: Mapping[str, Any]) -> None:
        """Takes an object from the answer to a write of this process."""
        store = self._by_plural.get(resource.plural)
        if store is not None:
            store.apply(raw)


def _namespace(raw: RawObject) -> Key:
    return raw["metadata"]["namespace"], ""


def _kept_dpojob(raw: RawObject) -> bytes | LargeDPOJob:
    metadata = {name: value for name, value in raw["metadata"].items() if name != "managedFields"}
    text = orjson.dumps({**raw, "metadata": metadata})
    if len(text) > MAX_KEPT_BYTES:
        return LargeDPOJob(metadata["resourceVersion"])
    return _packed(text, ended=is_finished(raw))


def _kept_pod(raw: RawObject) -> bytes:
    kept: dict[str, Any] = select_fields(raw, POD_FIELDS)
    spec = raw.get("spec") or {}
    for kind in ("containers", "initContainers"):
        limits = [(c.get("resources") or {}).get("limits") for c in spec.get(kind) or []]
        kept.setdefault("spec", {})[kind] = [{"resources": {"limits": found}} for found in limits]
    phase = (raw.get("status") or {}).get("phase")
    return _packed(orjson.dumps(kept), ended=phase in ENDED_PHASES)


def _packed(text: bytes, *, ended: bool) -> bytes:
    """The JSON text of an object; compressed once it has ended, since few passes read such an object again.

    A text that stays as it is gets copied: orjson makes it at the beginning of a larger buffer, and cuts that off where
    it lies, which leaves a hole of memory behind each text.
    """
    return zlib.compress(text, level=1) if ended else bytes(memoryview(text))


def _has_ended(kept: bytes) -> bool:
    return not kept.startswith(b"{")


def _unpacked(kept: bytes) -> JSONObject:
    found: JSONObject = orjson.loads(zlib.decompress(kept) if _has_ended(kept) else kept)
    return found
