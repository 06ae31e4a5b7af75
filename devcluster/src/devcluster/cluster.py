"""One cluster on this machine: up, down, status. The same code for users and for tests."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

from devcluster import binaries
from devcluster.binaries import CONTROL_PLANE, NODE
from devcluster.control_plane import Api, ApiError, ControlPlane, audit, fake_gpus, kwok, storage
from devcluster.host import console
from devcluster.host.errors import DevclusterError, explain
from devcluster.host.locks import locked
from devcluster.host.paths import runtime_root
from devcluster.host.processes import Daemons, start_time, wait_reaped
from devcluster.images import outdated
from devcluster.node import NodeSet, check_machine
from devcluster.state import FULL, ClusterRecord, State, clusters


def wait_for(what: str, condition: Callable[[], bool]) -> None:
    """Poll until it holds, also where the API server does not answer yet."""
    limit, begun = 300, time.monotonic()  # A busy machine takes far less.
    while True:
        with suppress(ApiError, OSError):
            if condition():
                return
        if time.monotonic() > begun + limit:
            raise DevclusterError(f"timed out after {limit} s waiting for {what}")
        time.sleep(0.1)


class Cluster:
    """A cluster by its name, running or not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = State(name)
        self.daemons = Daemons(self.state.daemons)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.state.lock, f"it works on the cluster {self.name!r}")

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.state.kubeconfig

    # -- up ---------------------------------------------------------------------------------

    def up(self, mode: str, nodes: int, owner: str = "", audit_mib: int = audit.LOG_MIB) -> None:
        """Start it, or what is missing of it; a new API server rotates its audit log at `audit_mib`."""
        with ExitStack() as locks:
            locks.enter_context(self._locked())
            if mode == FULL and os.geteuid() == 0:
                locks.enter_context(_machine_locked())
            known = self.state.exists()
            record = self.state.load() if known else None
            if record is not None and record.mode != mode:
                raise DevclusterError(
                    f"the cluster {self.name!r} runs in mode {record.mode}, not {mode}: take it "
                    f"down first, or give the other one a --name"
                )
            full = mode == FULL
            if full and record is None:
                self._only_full_one()
            wanted = [*CONTROL_PLANE, *(NODE if full else ("kwok",))]
            steps = console.Steps(6 if full else 4)
            if full:
                steps.next("Debian packages")
                check_machine(self.daemons)
            steps.next("binaries")
            paths = binaries.ensure_all(wanted)
            record = record or self.state.create(mode, nodes, owner)
            if nodes > record.nodes:
                record.nodes = nodes
                self.state.save(record)
            self._link_binaries(paths)
            steps.next("etcd and kube-apiserver")
            if full:
                NodeSet(self.state, record).prepare_network()
            plane = ControlPlane(self.state, record, paths, audit_mib)
            api = plane.start_server()
            steps.next("controllers, scheduler, storage")
            self._start_rest(plane, api)
            if full:
                steps.next("node: containerd, kubelet, kube-proxy, DNS")
                NodeSet(self.state, record).start(plane, api)
            elif "kwok" in paths:
                self._start_kwok(plane, paths["kwok"])
                for index in range(record.nodes):
                    api.apply(f"/api/v1/nodes/node-{index}", kwok.node(f"node-{index}"))
            steps.next("waiting until everything serves")
            self._wait_ready(api, record)
        console.log(f"the cluster {self.name!r} is up: export KUBECONFIG={self.kubeconfig}")

    def _only_full_one(self) -> None:
        for name in clusters():
            if name != self.name and State(name).load().mode == FULL:
                raise DevclusterError(
                    f"the cluster {name!r} already runs real nodes here, and their network rules "
                    f"are the machine's: use it (--name {name}), or take it down first"
                )

    def _link_binaries(self, paths: dict[str, Path]) -> None:
        """A directory for PATH, in which the binaries have their plain names."""
        self.state.bin.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            link = self.state.bin / name
            if not link.is_symlink() or link.readlink() != path:
                link.unlink(missing_ok=True)
                link.symlink_to(path)

    def bin(self, name: str) -> Path:
        """A binary of the pinned version, also linked for `env`'s PATH."""
        path = binaries.ensure(name)
        if self.state.exists():
            self._link_binaries({name: path})
        return path

    def _start_rest(self, plane: ControlPlane, api: Api) -> None:
        plane.start_controllers()
        api.apply(
            f"/apis/storage.k8s.io/v1/storageclasses/{storage.CLASS}", storage.storage_class()
        )
        provisioner = storage.daemon(
            plane.record.ports["apiserver"],
            plane.authority.certificate,
            plane.admin(),
            self.state.volumes,
        )
        self.daemons.start(provisioner)

    def _start_kwok(self, plane: ControlPlane, binary: Path) -> None:
        daemon = kwok.daemon(binary, plane.credentials("kwok", "kwok", "system:masters"))
        self.daemons.start(daemon)

    def _wait_ready(self, api: Api, record: ClusterRecord) -> None:
        def account() -> bool:
            path = "/api/v1/namespaces/default/serviceaccounts/default"
            return api.get(path) is not None

        def nodes() -> bool:
            items = api.items("/api/v1/nodes")
            return len(items) >= record.nodes and all(_is_ready(item) for item in items)

        wait_for("the default service account", account)
        wait_for("every node to be Ready", nodes)

    def add_kwok_node(self, manifest: str) -> None:
        """A fake node; starts kwok if this cluster has none yet."""
        with self._locked():
            record = self.state.load()
            if self.daemons.pid("kwok") is None:
                paths = {name: binaries.ensure(name) for name in (*CONTROL_PLANE, "kwok")}
                self._start_kwok(ControlPlane(self.state, record, paths), paths["kwok"])
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=manifest)

    # -- use --------------------------------------------------------------------------------

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        """Run kubectl against it, as its administrator."""
        result = subprocess.run(
            [str(binaries.ensure("kubectl")), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and result.returncode:
            raise explain(result, f"kubectl {' '.join(arguments)}")
        return result

    def set_gpus(self, node: str, resource: str, count: int) -> None:
        """Add GPUs to the status of a node, also after a restart of its kubelet."""
        fake_gpus.set_count(self.kubectl, node, resource, count)
        with self._locked():
            record = self.state.load()
            record.gpus.setdefault(node, {})[resource] = count
            self.state.save(record)

    def has_image(self, name: str, identity: str | None = None) -> bool:
        """Whether every node has an image of that name (when down: will have it); given an identity, just that."""
        if not self.state.exists():
            return name in self._loaded_images()
        loaded = identity is None or self._loaded_images().get(name) == identity
        return loaded and NodeSet(self.state, self.state.load()).has_image(name)

    def blobs(self) -> dict[str, int]:
        """Digest and size in bytes of the parts of images that every node has."""
        record = self.state.load()
        return NodeSet(self.state, record).blobs() if record.mode == FULL else {}

    @property
    def scratch(self) -> Path:
        """Where to put a copy of an image for a moment."""
        return self.state.directory

    def load_layout(self, name: str, layout: Path, identity: str) -> None:
        """Put an image in an OCI layout on every node, and remember which it was."""
        self._load(name, identity, lambda nodes: nodes.load_layout(layout))

    def load_archive(self, name: str, archive: Path, identity: str) -> None:
        """Put an image archive on every node, and remember which it was."""
        self._load(name, identity, lambda nodes: nodes.load(archive))

    def _load(self, name: str, identity: str, load: Callable[[NodeSet], None]) -> None:
        record = self.state.load()
        if record.mode != FULL:
            raise DevclusterError("fake nodes run no images; use a cluster with --mode full")
        nodes = NodeSet(self.state, record)
        load(nodes)
        if not nodes.has_image(name):
            raise DevclusterError(f"what was loaded holds no image of the name {name!r}")
        with self._locked():
            others = {n: i for n, i in self._loaded_images().items() if n != name}
            loaded = {**others, name: identity}  # the newest last
            (self.state.images / "loaded.json").write_text(json.dumps(loaded, indent=1))

    def _loaded_images(self) -> dict[str, str]:
        try:
            loaded: dict[str, str] = json.loads((self.state.images / "loaded.json").read_text())
        except (OSError, ValueError):
            return {}
        return loaded

    def status(self) -> dict[str, bool]:
        """Every component, and whether it runs."""
        self.state.load()
        return {name: self.daemons.pid(name) is not None for name in self.daemons.names()}

    # -- down -------------------------------------------------------------------------------

    def down(self, *, images: bool = False, current_images: Collection[str] = ()) -> None:
        """Stop it and delete its state.

        Args:
            images: Whether the image store goes, too.
            current_images: Names of images; older ones of their repositories go in any case.
        """
        with ExitStack() as locks:
            locks.enter_context(self._locked())
            if self.state.exists():
                record = self.state.load()
                pids = [self.daemons.pid(name) for name in self.daemons.names()]
                if record.mode == FULL:
                    locks.enter_context(_machine_locked())
                    kept = outdated.kept_names(list(self._loaded_images()), current_images)
                    NodeSet(self.state, record).stop(kept)
                # Killed at once: what they would save on shutdown is deleted right after.
                self.daemons.stop(*self.daemons.names(), grace=0.0)
                wait_reaped(pid for pid in pids if pid is not None)
                if record.mode == FULL:
                    self._remove_runtime_directory()
            self.state.remove(images=images)
            self.state.lock.unlink(missing_ok=True)

    def _remove_runtime_directory(self) -> None:
        shutil.rmtree(self.state.runtime, ignore_errors=True)
        _machine_lock().unlink(missing_ok=True)
        with suppress(OSError):
            runtime_root().rmdir()


def _machine_lock() -> Path:
    return runtime_root() / ".lock"


def _machine_locked() -> AbstractContextManager[None]:
    """Lock the machine, since of all state directories only one cluster may have real nodes."""
    return locked(_machine_lock(), "it starts or ends real nodes")


def _is_ready(node: dict[str, object]) -> bool:
    status = node.get("status")
    conditions = status.get("conditions", []) if isinstance(status, dict) else []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def this_process() -> str:
    """The owner to record for a cluster that must not outlive this process."""
    return f"{os.getpid()}:{start_time(os.getpid())}"


def sweep() -> None:
    """Take down clusters of test runs that were killed before they could do it themselves."""
    for name in clusters():
        try:
            owner = State(name).load().owner
        except DevclusterError:
            continue
        pid, _, started = owner.partition(":")
        if owner and start_time(int(pid)) != started:
            Cluster(name).down(images=True)
