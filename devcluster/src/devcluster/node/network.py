"""What a cluster with real nodes changes in the kernel's network, and the CNI configuration."""

import json
import time
from pathlib import Path

from devcluster.control_plane.addresses import POD_CIDR, node_ip, pod_subnet
from devcluster.host.commands import run

# What a kubelet and kube-proxy change, and what forwarding needs.
_SYSCTLS = (
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/route_localnet",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def add_address(index: int) -> None:
    """Give a node its address."""
    run("ip", "address", "replace", f"{node_ip(index)}/32", "dev", "lo")


def remove_address(index: int) -> None:
    """Remove the address of a node."""
    if f" {node_ip(index)}/32 " in run("ip", "-o", "address", "show", "dev", "lo"):
        run("ip", "address", "del", f"{node_ip(index)}/32", "dev", "lo")


def read_sysctls() -> dict[str, str]:
    """The settings as they are now."""
    paths = {name: Path("/proc/sys") / name for name in _SYSCTLS}
    return {name: path.read_text().strip() for name, path in paths.items() if path.exists()}


def enable_forwarding() -> None:
    """Forward packets between pods and other addresses."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def restore_sysctls(before: dict[str, str]) -> None:
    """Restore the settings that `read_sysctls` returned."""
    for name, value in before.items():
        path = Path("/proc/sys") / name
        if path.read_text().strip() != value:
            path.write_text(value)


def write_cni(directory: Path, cluster: str, index: int, leases: Path) -> None:
    """One point-to-point link per pod: no bridge that would have to be removed later."""
    directory.mkdir(parents=True, exist_ok=True)
    addresses = {
        "type": "host-local",
        "subnet": pod_subnet(index),
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": str(leases),
    }
    configuration = {
        "cniVersion": "1.0.0",
        "name": f"dpojob-{cluster}",
        "plugins": [{"type": "ptp", "ipMasq": False, "ipam": addresses}],
    }
    (directory / "10-dpojob.conflist").write_text(json.dumps(configuration, indent=1))


def wait_links_gone(timeout: float = 10.0) -> None:
    """The kernel removes the pods' links some time after their network namespaces."""
    deadline = time.monotonic() + timeout
    prefix = POD_CIDR.rsplit(".", 2)[0] + "."
    while time.monotonic() < deadline and any(
        line.startswith(prefix) for line in run("ip", "route", "show").splitlines()
    ):
        time.sleep(0.1)
