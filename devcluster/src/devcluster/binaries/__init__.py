"""The pinned binaries of Kubernetes: found on PATH, in the cache, downloaded, or built from source."""

from devcluster.binaries.build_recipes import CONTROL_PLANE, NODE
from devcluster.binaries.installer import ensure, ensure_all

__all__ = ["CONTROL_PLANE", "NODE", "build_recipes", "ensure", "ensure_all"]
