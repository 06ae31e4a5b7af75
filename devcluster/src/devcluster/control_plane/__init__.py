"""The control plane: etcd, API server, controllers, scheduler, kwok and the storage provisioner."""

from devcluster.control_plane.api_client import Api, ApiError
from devcluster.control_plane.components import ControlPlane

__all__ = ["Api", "ApiError", "ControlPlane", "addresses", "audit", "fake_gpus", "kwok", "storage"]
