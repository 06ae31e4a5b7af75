"""The real nodes of a cluster: started and, above all, removed without a trace."""

import os
import time
from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from devcluster.control_plane import Api, ApiError, ControlPlane
from devcluster.host import debian_packages, mounts
from devcluster.host.errors import DevclusterError
from devcluster.host.processes import Daemons, start_time
from devcluster.node import cgroups, dns, iptables, kube_proxy, kubelet, network
from devcluster.node.containerd import Containerd
from devcluster.state import ClusterRecord, State

REGISTRATION_SECONDS = 300.0
"""Longest wait for a started kubelet, far more than a busy machine takes."""


class Node:
    """One node: its directories, control group and containerd."""

    def __init__(self, state: State, index: int) -> None:
        self.index = index
        self.name = f"node-{index}"
        self.directory = state.directory / "nodes" / self.name
        self.cgroup = f"dpojob-{state.name}-{index}"
        self.containerd = Containerd(
            f"containerd-{index}",
            self.directory,
            state.runtime / str(index),
            state.images / self.name,
        )


def _foreign_kubelet(own_pids: set[int]) -> int | None:
    for path in Path("/proc").glob("[0-9]*/comm"):
        pid = int(path.parent.name)
        try:
            # A cached binary carries its version in its name.
            if path.read_text().startswith("kubelet") and pid not in own_pids and start_time(pid):
                return pid
        except OSError:
            continue
    return None


def check_machine(daemons: Daemons) -> None:
    """Whether this machine can have real nodes; installs what they need."""
    if os.geteuid() != 0:
        raise DevclusterError(
            "real nodes need root. As an ordinary user: `up --mode control-plane`, kind with "
            "Docker, or CONTEXT=name for a cluster of your own."
        )
    pids = (daemons.pid(name) for name in daemons.names())
    if pid := _foreign_kubelet({pid for pid in pids if pid is not None}):
        raise DevclusterError(
            f"another kubelet runs on this machine (pid {pid}); the two would take each "
            "other's network rules away. End that one first."
        )
    debian_packages.ensure(debian_packages.NODE)


class NodeSet:
    """All of them, with what they share: kube-proxy, DNS, the machine's network settings."""

    def __init__(self, state: State, record: ClusterRecord) -> None:
        self.state = state
        self.record = record
        self.daemons = Daemons(state.daemons)
        self.nodes = [Node(state, index) for index in range(record.nodes)]

    def prepare_network(self) -> None:
        """Addresses, forwarding and rules; remembers the settings as they were."""
        if not self.record.sysctls:
            self.record.sysctls = network.read_sysctls()
            self.state.save(self.record)
        network.enable_forwarding()
        for node in self.nodes:
            network.add_address(node.index)
        iptables.install()

    def start(self, plane: ControlPlane, api: Api) -> None:
        """Every node's daemons, or those that are dead."""
        dns.apply_objects(api)
        shared = [
            kube_proxy.daemon(plane, self.state.directory),
            dns.daemon(plane, self.state.directory),
        ]
        for daemon in shared:
            self.daemons.start(daemon)
        began = datetime.now(UTC)
        fresh = [node for node in self.nodes if self._start(node, plane)]
        for daemon in shared:
            self.daemons.wait(daemon)
        self._restore_gpus(api, fresh, began)

    def _start(self, node: Node, plane: ControlPlane) -> bool:
        cgroups.create(node.cgroup)
        leases = node.directory / "leases"
        network.write_cni(node.containerd.cni, self.state.name, node.index, leases)
        runtime = node.containerd.daemon()
        self.daemons.start(runtime)
        self.daemons.wait(runtime)
        node.containerd.load_pause()
        agent = kubelet.daemon(plane, node.containerd, node.index, node.directory, node.cgroup)
        started = self.daemons.start(agent)
        self.daemons.wait(agent, runtime)
        return started

    def _restore_gpus(self, api: Api, fresh: Collection[Node], began: datetime) -> None:
        """Set extended resources again: a kubelet drops those without a device plugin when it registers its node.

        Args:
            api: The API server.
            fresh: Nodes whose kubelet was started.
            began: A time before these starts.
        """
        deadline = time.monotonic() + REGISTRATION_SECONDS
        waiting = {node.name for node in fresh} & self.record.gpus.keys()
        while waiting := {name for name in waiting if not has_registered(api, name, began)}:
            if time.monotonic() > deadline:
                raise DevclusterError(
                    f"the kubelet of {', '.join(sorted(waiting))} did not register its node within "
                    f"{REGISTRATION_SECONDS:.0f} s"
                )
            time.sleep(0.1)
        for node, resources in self.record.gpus.items():
            set_resources(api, node, resources)

    def stop(self, kept_images: Collection[str]) -> None:
        """Stop the nodes and undo every change to the machine.

        Args:
            kept_images: Names of images; others of the same repositories are removed.
        """
        # First the components that would start or repair something while the others stop.
        self.daemons.stop("kube-proxy", "coredns", *(f"kubelet-{n.index}" for n in self.nodes))
        for node in self.nodes:
            cgroups.kill(node.cgroup)
            # A dead containerd would only time out, and its records are removed below.
            if self.daemons.pid(node.containerd.daemon_name) is not None:
                node.containerd.remove_containers()
                node.containerd.remove_outdated_images(kept_images)
            self.daemons.stop(node.containerd.daemon_name)
            node.containerd.kill_shims()
            cgroups.kill(node.cgroup)
        for directory in (self.state.runtime, self.state.directory):
            mounts.unmount(directory)
        network.wait_links_gone()
        for node in self.nodes:
            cgroups.remove(node.cgroup)
            network.remove_address(node.index)
        iptables.remove()
        network.restore_sysctls(self.record.sysctls)
        kubelet.remove_leftovers(self.state.directory)
        for node in self.nodes:
            node.containerd.remove_leftovers()

    def load(self, archive: Path) -> None:
        """Put an image archive on every node."""
        for node in self.nodes:
            node.containerd.load(archive)

    def load_layout(self, layout: Path) -> None:
        """Put an image in an OCI layout on every node."""
        for node in self.nodes:
            node.containerd.load_layout(layout)

    def blobs(self) -> dict[str, int]:
        """Digest and size in bytes of the parts of images that every node has."""
        first, *others = [node.containerd.blobs() for node in self.nodes]
        return {digest: first[digest] for digest in set(first).intersection(*others)}

    def has_image(self, name: str) -> bool:
        """Whether every node has it."""
        return all(node.containerd.has_image(name) for node in self.nodes)


def has_registered(api: Api, node: str, began: datetime) -> bool:
    """Whether a kubelet that was started after a time has registered its node, which it does before it reports on it."""
    with suppress(ApiError, OSError):
        conditions = api.call("GET", f"/api/v1/nodes/{node}")["status"].get("conditions", [])
        reported = [each["lastHeartbeatTime"] for each in conditions if each["type"] == "Ready"]
        # Reports have whole seconds: one of the second in which it was started may be of the kubelet before.
        return any(datetime.fromisoformat(moment) > began for moment in reported)
    return False


def set_resources(api: Api, node: str, resources: dict[str, int]) -> None:
    """Set extended resources in the status of a node, unless they are set or the node is not registered."""
    wanted = {name: str(count) for name, count in resources.items()}
    with suppress(ApiError):
        have = api.call("GET", f"/api/v1/nodes/{node}")["status"].get("allocatable", {})
        if not wanted.items() <= have.items():
            status = {"capacity": wanted, "allocatable": wanted}
            api.merge(f"/api/v1/nodes/{node}/status", {"status": status})
