"""Addresses of the one full cluster, and what it changes in the kernel's network."""

import json
import subprocess
import time
from pathlib import Path

from devcluster.host.errors import explain

CLUSTER_DOMAIN = "cluster.local"
POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_SERVICE_IP = "10.96.0.10"

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


def node_ip(index: int) -> str:
    """The address of a node, on the loopback device: reachable from pods, and from here only."""
    return f"10.123.0.{10 + index}"


def pod_subnet(index: int) -> str:
    """The addresses of a node's pods."""
    return f"10.244.{index}.0/24"


def _ip(*arguments: str) -> str:
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise explain(result, f"ip {' '.join(arguments)}")
    return result.stdout


def add_address(index: int) -> None:
    """Give a node its address."""
    _ip("address", "replace", f"{node_ip(index)}/32", "dev", "lo")


def remove_address(index: int) -> None:
    """Take it away again."""
    if f" {node_ip(index)}/32 " in _ip("-o", "address", "show", "dev", "lo"):
        _ip("address", "del", f"{node_ip(index)}/32", "dev", "lo")


def read_sysctls() -> dict[str, str]:
    """The settings as they are now."""
    paths = {name: Path("/proc/sys") / name for name in _SYSCTLS}
    return {name: path.read_text().strip() for name, path in paths.items() if path.exists()}


def enable_forwarding() -> None:
    """Let packets pass between pods and the rest."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def restore_sysctls(before: dict[str, str]) -> None:
    """Put the settings back."""
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
        line.startswith(prefix) for line in _ip("route", "show").splitlines()
    ):
        time.sleep(0.1)
