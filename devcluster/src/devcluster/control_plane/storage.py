"""The default storage class: a host directory for every claim that names no other class.

It runs as a separate process (`python -m devcluster.control_plane.storage`), since claims are
provisioned while no command runs. It polls twice a second from the API server's cache, which is cheap.
"""

import argparse
import contextlib
import json
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from devcluster.control_plane.api_client import Api, ApiError
from devcluster.control_plane.certificates import KeyPair
from devcluster.host.errors import DevclusterError
from devcluster.host.processes import Daemon

CLASS = "standard"
PROVISIONER = "dpojob.dev/hostpath"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
_INTERVAL = 0.5


def storage_class() -> dict[str, Any]:
    """The class, as the default one."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
    }


def volume_for(claim: dict[str, Any], volumes: Path) -> dict[str, Any]:
    """The volume that serves a claim. Named by its UID, so that it is created at most once."""
    meta = claim["metadata"]
    directory = volumes / f"{meta['namespace']}_{meta['name']}_{meta['uid'][:8]}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"pvc-{meta['uid']}", "annotations": {_PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "storageClassName": CLASS,
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Delete",
            "hostPath": {"path": str(directory), "type": "Directory"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": meta["namespace"],
                "name": meta["name"],
                "uid": meta["uid"],
            },
        },
    }


def _wants(claim: dict[str, Any]) -> bool:
    spec = claim["spec"]
    return (
        spec.get("storageClassName") == CLASS
        and not spec.get("volumeName")
        and spec.get("volumeMode", "Filesystem") == "Filesystem"
        and "deletionTimestamp" not in claim["metadata"]
    )


def serve_once(api: Api, volumes: Path) -> None:
    """One pass: a volume for every waiting claim; released volumes are deleted with their data."""
    cached = "?resourceVersion=0"
    for claim in api.items(f"/api/v1/persistentvolumeclaims{cached}"):
        if not _wants(claim):
            continue
        volume = volume_for(claim, volumes)
        directory = Path(volume["spec"]["hostPath"]["path"])
        directory.mkdir(parents=True, exist_ok=True)
        # Pods run as some user that is not root, and hostPath volumes know no fsGroup.
        directory.chmod(0o777)
        try:
            api.call("POST", "/api/v1/persistentvolumes", volume)
        except ApiError as error:
            if error.status != 409:  # it was made before
                raise
    for volume in api.items(f"/api/v1/persistentvolumes{cached}"):
        annotations = volume["metadata"].get("annotations", {})
        provisioned_here = annotations.get(_PROVISIONED_BY) == PROVISIONER
        if not provisioned_here or volume.get("status", {}).get("phase") != "Released":
            continue
        directory = Path(volume["spec"]["hostPath"]["path"])
        if directory.parent == volumes:
            shutil.rmtree(directory, ignore_errors=True)
        with contextlib.suppress(ApiError):  # the next pass deletes it
            api.call("DELETE", f"/api/v1/persistentvolumes/{volume['metadata']['name']}")


def daemon(port: int, authority: Path, client: KeyPair, volumes: Path) -> Daemon:
    """The provisioner as a process."""
    package_root = Path(__file__).parents[2]
    return Daemon(
        "provisioner",
        [
            *(sys.executable, "-m", "devcluster.control_plane.storage", "--port", str(port)),
            *("--authority", str(authority), "--certificate", str(client.certificate)),
            *("--key", str(client.key), "--volumes", str(volumes)),
        ],
        environment={"PYTHONPATH": str(package_root), "PYTHONDONTWRITEBYTECODE": "1"},
    )


def claim_directory(claim: dict[str, Any], volume: dict[str, Any]) -> Path:
    """The directory of a bound claim on this machine."""
    try:
        return Path(volume["spec"]["hostPath"]["path"])
    except KeyError:
        meta = claim["metadata"]
        raise DevclusterError(
            f"the claim {meta['namespace']}/{meta['name']} is not a directory of this machine"
        ) from None


def main() -> None:
    """Run until stopped; retries while the API server is unavailable."""
    parser = argparse.ArgumentParser(description="Host directories for claims.")
    parser.add_argument("--port", type=int, required=True)
    for name in ("authority", "certificate", "key", "volumes"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    api = Api.with_certificate(args.port, args.authority, KeyPair(args.key, args.certificate))
    while True:
        try:
            serve_once(api, args.volumes)
        except (OSError, DevclusterError, KeyError, json.JSONDecodeError):
            traceback.print_exc()
            time.sleep(1)
        time.sleep(_INTERVAL)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
