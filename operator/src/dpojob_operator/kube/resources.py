"""The kinds of object the operator reads and writes, and their addresses in the API.

What RBAC must allow (the chart's rbac.yaml; outside a cluster, the user of the kubeconfig):

    dpojob.dev             dpojobs                   get list watch delete
    dpojob.dev             dpojobs/status            update
    dpojob.dev             gpupools                  list watch
    dpojob.dev             gpupools/status           update
    dpojob.dev             costquotas                list watch
    dpojob.dev             costquotas/status         update
    batch                  jobs                      get list watch create patch delete
    core                   pods                      list watch   (all namespaces: GPUs in use)
    core                   pods/proxy                get          (outside a cluster only)
    core                   persistentvolumeclaims    get list watch create
    core                   services                  get create
    core                   events                    list create
    core                   namespaces                get          (for pools with a namespaceSelector)
    core                   nodes                     list
    trainer.kubeflow.org   trainjobs                 get          (for model.fromJob of that kind)
    kueue.x-k8s.io         workloads                 list         (why Kueue holds a Job)
    coordination.k8s.io    leases                    get create update   (with leader election)
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from dpojob_api.constants import GROUP, LABEL_MANAGED_BY, MANAGED_BY, VERSION


@dataclass(frozen=True)
class Resource:
    """A kind of object, as the API's paths name it."""

    prefix: str
    """Such as /apis/batch/v1."""
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None, sub: str = "") -> str:
        """The path of the collection, or of one object, or of its subresource."""
        path = self.prefix
        if self.namespaced and namespace is not None:
            path += f"/namespaces/{quote(namespace)}"
        path += f"/{self.plural}"
        if name is not None:
            path += f"/{quote(name)}"
        return path + (f"/{sub}" if sub else "")


DPOJOBS = Resource(f"/apis/{GROUP}/{VERSION}", "dpojobs")
GPUPOOLS = Resource(f"/apis/{GROUP}/{VERSION}", "gpupools", namespaced=False)
COSTQUOTAS = Resource(f"/apis/{GROUP}/{VERSION}", "costquotas")
JOBS = Resource("/apis/batch/v1", "jobs")
TRAINJOBS = Resource("/apis/trainer.kubeflow.org/v1alpha1", "trainjobs")
WORKLOADS = tuple(
    Resource(f"/apis/kueue.x-k8s.io/{version}", "workloads") for version in ("v1beta2", "v1beta1")
)
"""Kueue's queue entries, in each version that a Kueue may serve, the newest first."""
PODS = Resource("/api/v1", "pods")
CLAIMS = Resource("/api/v1", "persistentvolumeclaims")
SERVICES = Resource("/api/v1", "services")
EVENTS = Resource("/api/v1", "events")
NODES = Resource("/api/v1", "nodes", namespaced=False)
NAMESPACES = Resource("/api/v1", "namespaces", namespaced=False)
LEASES = Resource("/apis/coordination.k8s.io/v1", "leases")
MANAGED = {LABEL_MANAGED_BY: MANAGED_BY}
"""Labels of the Jobs and pods that are watched."""
