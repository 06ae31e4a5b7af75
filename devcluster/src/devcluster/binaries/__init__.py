"""The pinned binaries of Kubernetes: found on PATH, in the cache, downloaded, or built from source."""

from devcluster.binaries.build_recipes import CONTROL_PLANE, NODE, Recipe
from devcluster.binaries.go_build import module_directory
from devcluster.binaries.installer import ensure, ensure_all, install

__all__ = [
    "CONTROL_PLANE",
    "NODE",
    "Recipe",
    "build_recipes",
    "ensure",
    "ensure_all",
    "install",
    "module_directory",
]
