"""Clusters that devcluster does not run itself: kind where Docker works, and a kubeconfig context."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from devcluster import binaries
from devcluster.cluster import Cluster
from devcluster.control_plane import fake_gpus
from devcluster.host import commands, console
from devcluster.host.errors import DevclusterError, explain
from devcluster.host.paths import state_root
from devcluster.images import docker, oci_layout


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)


class ContextCluster:
    """The user's cluster, by its context: never started and never stopped."""

    def __init__(self, context: str) -> None:
        self.name = context
        self._file = state_root() / f"context-{context.replace('/', '_')}.kubeconfig"

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig with this one context, independent of the current context."""
        kubectl = str(binaries.ensure("kubectl"))
        view = ("config", "view", "--raw", "--minify", "--flatten", f"--context={self.name}")
        what = f"reading the context {self.name!r} of your kubeconfig"
        found = commands.run(kubectl, *view, what=what)
        self._file.touch(mode=0o600)
        self._file.write_text(found)
        return self._file

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run kubectl against it."""
        command = [str(binaries.ensure("kubectl")), f"--kubeconfig={self.kubeconfig}", *arguments]
        result = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
        if check and result.returncode:
            raise explain(result, f"kubectl {' '.join(arguments)}")
        return result

    def bin(self, name: str) -> Path:
        """A binary of the pinned version."""
        return binaries.ensure(name)

    def up(self, mode: str, nodes: int, owner: str = "") -> None:
        """Check that it answers."""
        self.kubectl("get", "--raw", "/readyz")
        console.log(f"your cluster {self.name!r} answers; nothing was started")

    def down(self, *, images: bool = False) -> None:
        """Forget the copied credentials."""
        self._file.unlink(missing_ok=True)
        console.log(f"your cluster {self.name!r} is left as it is")

    def status(self) -> dict[str, bool]:
        """Whether it answers."""
        return {self.name: self.kubectl("get", "--raw", "/readyz", check=False).returncode == 0}

    def set_gpus(self, node: str, resource: str, count: int) -> None:
        """Add GPUs to the status of a node, until its kubelet restarts."""
        fake_gpus.set_count(self.kubectl, node, resource, count)

    def has_image(self, name: str, identity: str | None = None) -> bool:
        """False, since the images of an external cluster cannot be listed."""
        return False

    def blobs(self) -> dict[str, int]:
        """Digests of blobs that need not be loaded: none, since they cannot be listed."""
        return {}

    @property
    def scratch(self) -> None:
        """The directory for temporary image files: none, so the system's default."""
        return None

    def load_layout(self, name: str, layout: Path, identity: str) -> None:
        """Put an image in an OCI layout onto it."""
        archive = layout.with_suffix(".tar")
        with archive.open("wb") as file:
            oci_layout.pack(layout, file)
        self.load_archive(name, archive, identity)

    def load_archive(self, name: str, archive: Path, identity: str) -> None:
        """Unsupported: the user pushes images to a registry."""
        raise DevclusterError(
            f"nothing loads images onto {self.name!r}: push {name} ({archive}) to a registry that it "
            "pulls from, and set the chart's image values"
        )


class KindCluster(ContextCluster):
    """A kind cluster: containers of Docker instead of processes of the host."""

    def __init__(self, name: str) -> None:
        super().__init__(f"kind-{name}")
        self.kind_name = name
        self._file = _kubeconfig_of_kind(name)

    def up(self, mode: str, nodes: int, owner: str = "") -> None:
        """Create it unless it exists."""
        if self.kind_name not in _run("kind", "get", "clusters").stdout.split():
            console.log("Docker works here: creating a kind cluster (a minute or two)")
            create = ("kind", "create", "cluster", "--name", self.kind_name, "--wait", "120s")
            commands.run(*create, what="kind create cluster")
        super().up(mode, nodes, owner)

    def down(self, *, images: bool = False) -> None:
        """Delete it."""
        delete = ("kind", "delete", "cluster", "--name", self.kind_name)
        commands.run(*delete, what="kind delete cluster")
        super().down(images=images)

    def has_image(self, name: str, identity: str | None = None) -> bool:
        """Whether every node has an image of that name."""
        nodes = _run("kind", "get", "nodes", "--name", self.kind_name).stdout.split()
        look = ("crictl", "inspecti", "-q", name)
        return bool(nodes) and all(
            _run("docker", "exec", node, *look).returncode == 0 for node in nodes
        )

    def load_built(self, name: str) -> None:
        """Load an image that Docker built onto every node."""
        self._load(name, "docker-image", name)

    def load_archive(self, name: str, archive: Path, identity: str) -> None:
        """Load it onto every node."""
        self._load(name, "image-archive", str(archive))

    def _load(self, name: str, source: str, what: str) -> None:
        load = ("kind", "load", source, what, "--name", self.kind_name)
        commands.run(*load, what=f"loading {name}")


AnyCluster = Cluster | ContextCluster


def _kubeconfig_of_kind(name: str) -> Path:
    """The file that says, beside its content, that devcluster uses the kind cluster of that name."""
    return state_root() / f"kind-{name}.kubeconfig"


def used_kind_clusters() -> Iterator[KindCluster]:
    """The kind clusters that devcluster uses, and no others of the user's."""
    for file in sorted(state_root().glob(_kubeconfig_of_kind("*").name)):
        if name := re.fullmatch(r"kind-(.+)\.kubeconfig", file.name):
            yield KindCluster(name[1])


def choose(name: str, context: str | None, *, start: bool = False) -> AnyCluster:
    """The cluster that a command is about.

    A control plane with fake nodes always runs as processes of this machine. Real nodes come from
    kind where Docker works, unless DEVCLUSTER_BACKEND is `native`.
    """
    if context:
        return ContextCluster(context)
    native = Cluster(name)
    backend = os.environ.get("DEVCLUSTER_BACKEND", "auto")
    if backend not in ("auto", "native", "kind"):
        raise DevclusterError(f"DEVCLUSTER_BACKEND={backend} must be auto, native or kind")
    if backend == "native" or native.state.exists():
        return native
    if backend == "kind" or (shutil.which("kind") is not None and docker.works()):
        kind = KindCluster(name)
        if start or name in _run("kind", "get", "clusters").stdout.split():
            return kind
    return native
