"""Further volumes of a GPUPool's training pods, as core/v1 has them, bounded."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dpojob_api.base import StrictModel
from dpojob_api.constants import INPUTS_ROOT, SCRATCH_ROOT, VOLUMES_ROOT
from dpojob_api.spec import validations
from dpojob_api.spec.fields import Name, one_of

MAX_VOLUMES = 8
"""Volumes, and mounts of them, of one pool."""
VolumeName = Annotated[
    str, Field(min_length=1, max_length=50, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
"""A DNS label, with room for the prefix that keeps it apart from the operator's own volumes."""
Quantity = Annotated[str, Field(max_length=20, pattern=r"^[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)?$")]

RESERVED_PATHS = (
    VOLUMES_ROOT,
    SCRATCH_ROOT,
    INPUTS_ROOT.rpartition("/")[0],
    "/opt/dpojob",
    "/dev/shm",
    "/dev/termination-log",
    "/proc",
    "/sys",
)
"""Where the operator mounts its own volumes, where the image has its programs, and the kernel's directories."""
_RESERVED_LIST = ", ".join(f"'{path}'" for path in RESERVED_PATHS)
MOUNT_PATH_RULE = {
    "rule": "self.mountPath.startsWith('/') && !self.mountPath.endsWith('/') && "
    "!self.mountPath.split('/').exists(p, p == '..' || p == '.')",
    "message": "mountPath is absolute, is not the root, and has no '.', '..' or trailing '/' in it, such as "
    "/usr/local/nvidia",
}
RESERVED_PATH_RULE = {
    "rule": f"![{_RESERVED_LIST}].exists(p, (self.mountPath + '/').startsWith(p + '/') || "
    "p.startsWith(self.mountPath + '/'))",
    "message": f"mountPath may not lie in or above {', '.join(RESERVED_PATHS)}: the training container uses them",
}
MOUNTED_VOLUMES_RULE = {
    "rule": "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && "
    "self.volumes.exists(v, v.name == m.name))",
    "message": "each of volumeMounts names one of volumes",
}
UNIQUE_VOLUMES_RULE = {
    "rule": "!has(self.volumes) || self.volumes.all(v, self.volumes.exists_one(w, w.name == v.name))",
    "message": "the names of volumes are unique",
}


class ConfigMapSource(StrictModel):
    """A ConfigMap of each job's namespace."""

    name: Name = Field(description="Name of the ConfigMap.")
    optional: bool = Field(
        default=False, description="The pod starts without it too. Default: false."
    )


class SecretSource(StrictModel):
    """A Secret of each job's namespace."""

    secret_name: Name = Field(description="Name of the Secret.")
    optional: bool = Field(
        default=False, description="The pod starts without it too. Default: false."
    )


class EmptyDirSource(StrictModel):
    """A directory that lives as long as the pod."""

    medium: Literal["", "Memory"] = Field(
        default="", description="Memory: in main memory. Default: the node's disk."
    )
    size_limit: Quantity = Field(
        description="Most that may lie in it, such as 16Gi; the pod is evicted above it."
    )


class ClaimSource(StrictModel):
    """A PersistentVolumeClaim of each job's namespace."""

    claim_name: Name = Field(description="Name of the PersistentVolumeClaim.")
    read_only: bool = Field(default=False, description="Mounted read-only. Default: false.")


class CSISource(StrictModel):
    """An ephemeral volume of a CSI driver."""

    driver: Name = Field(description="Name of the CSI driver.")
    read_only: bool = Field(default=False, description="Mounted read-only. Default: false.")
    volume_attributes: Annotated[
        dict[Annotated[str, Field(max_length=253)], Annotated[str, Field(max_length=1024)]],
        Field(max_length=16),
    ] = Field(default_factory=dict, description="Settings of the driver. Default: none.")


class PodVolume(
    StrictModel,
    json_schema_extra=validations(
        one_of("configMap", "secret", "emptyDir", "persistentVolumeClaim", "csi", kind="volume")
    ),
):
    """One volume: a kind that the restricted Pod Security Standard admits."""

    name: VolumeName = Field(description="Name that volumeMounts refer to.")
    config_map: ConfigMapSource | None = Field(default=None, description="Files of a ConfigMap.")
    secret: SecretSource | None = Field(default=None, description="Files of a Secret.")
    empty_dir: EmptyDirSource | None = Field(default=None, description="An empty directory.")
    persistent_volume_claim: ClaimSource | None = Field(default=None, description="A claim.")
    csi: CSISource | None = Field(default=None, description="An ephemeral volume of a driver.")


class PodVolumeMount(
    StrictModel, json_schema_extra=validations(MOUNT_PATH_RULE, RESERVED_PATH_RULE)
):
    """Where a volume is mounted in the training container."""

    name: VolumeName = Field(description="Name of one of volumes.")
    mount_path: Annotated[str, Field(min_length=2, max_length=256)] = Field(
        description="Absolute path in the container; none that the container uses itself."
    )
    read_only: bool = Field(default=False, description="Mounted read-only. Default: false.")
