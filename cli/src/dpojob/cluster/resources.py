"""The kinds of object that the commands read and change, with their paths on the API server."""

from __future__ import annotations

from dataclasses import dataclass

from dpojob_api.constants import API_VERSION


@dataclass(frozen=True)
class Resource:
    """One kind of object.

    Attributes:
        prefix: Path of its API group and version.
        plural: Its name in paths.
        namespaced: Whether its objects are in namespaces.
    """

    prefix: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """Its API group; "" for the core group."""
        _, kind, *rest = self.prefix.split("/")
        return rest[0] if kind == "apis" else ""

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Builds the path of the objects or of one object.

        Args:
            namespace: The namespace; None for all of them, or for a kind without namespaces.
            name: The object; None for the list.

        Returns:
            A path that begins with a slash.
        """
        within = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{self.prefix}{within}/{self.plural}" + (f"/{name}" if name else "")


DPOJOBS = Resource(f"/apis/{API_VERSION}", "dpojobs")
POOLS = Resource(f"/apis/{API_VERSION}", "gpupools", namespaced=False)
NODES = Resource("/api/v1", "nodes", namespaced=False)
PODS = Resource("/api/v1", "pods")
EVENTS = Resource("/api/v1", "events")
CLAIMS = Resource("/api/v1", "persistentvolumeclaims")
JOBS = Resource("/apis/batch/v1", "jobs")
ACCESS_REVIEWS = Resource(
    "/apis/authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False
)
