"""Copies files to and from a PVC of any cluster, through a small pod that mounts it."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from pathlib import Path
from types import TracebackType
from typing import Self

from .commands import Kubectl

MOUNT = "/claim"


class PVCPod:
    """A pod that mounts the PVC at MOUNT, for the duration of a `with` block."""

    def __init__(self, kubectl: Kubectl, namespace: str, claim: str, image: str) -> None:
        self._kubectl = kubectl
        self._namespace = namespace
        self._claim = claim
        self._image = image
        self._name = f"{claim}-files"

    def __enter__(self) -> Self:
        self._delete()
        self._kubectl(
            "create", "-n", self._namespace, "-f", "-", input=json.dumps(self._manifest())
        )
        self._kubectl(
            "wait",
            f"pod/{self._name}",
            "-n",
            self._namespace,
            "--for=condition=Ready",
            "--timeout=180s",
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._delete()

    def _delete(self) -> None:
        self._kubectl.attempt(
            "delete", "pod", self._name, "-n", self._namespace, "--ignore-not-found", "--grace-period=0",
            "--force", "--wait",
        )  # fmt: skip

    def _exec(self, *command: str, input: bytes = b"") -> bytes:
        done = subprocess.run(
            [*self._kubectl.base, "exec", "-i", "-n", self._namespace, self._name, "--", *command],
            input=input, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} in the claim: {done.stderr.decode()[-1000:]}")
        return done.stdout

    def write(self, directory: Path) -> None:
        """Copies everything below `directory` to the root of the PVC."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for entry in sorted(directory.iterdir()):
                archive.add(entry, arcname=entry.name, filter=_readable_by_all)
        self._exec("tar", "xf", "-", "-C", MOUNT, "--no-same-owner", "-m", input=packed.getvalue())

    def read(self, path: str) -> bytes:
        """The bytes of one file, by its path on the PVC."""
        return self._exec("cat", f"{MOUNT}/{path}")

    def _manifest(self) -> dict[str, object]:
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self._name},
            "spec": {
                "restartPolicy": "Never",
                "automountServiceAccountToken": False,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 65532,
                    "fsGroup": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "files",
                        "image": self._image,
                        "command": ["sleep", "3600"],
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]},
                        },
                        "volumeMounts": [{"name": "claim", "mountPath": MOUNT}],
                    }
                ],
                "volumes": [{"name": "claim", "persistentVolumeClaim": {"claimName": self._claim}}],
            },
        }


def _readable_by_all(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Sets the permissions of an archive member so that every user may read it."""
    member.mode |= 0o755 if member.isdir() else 0o644
    return member
