"""A node's kubelet."""

import json
import urllib.error
import urllib.request
from pathlib import Path

from devcluster.control_plane import ControlPlane, addresses
from devcluster.host import mounts
from devcluster.host.processes import Daemon
from devcluster.node.containerd import Containerd


def healthy(url: str) -> bool:
    """Whether a health endpoint answers with status 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def daemon(
    plane: ControlPlane, containerd: Containerd, index: int, directory: Path, cgroup: str
) -> Daemon:
    """The process and its configuration."""
    name, address = f"node-{index}", addresses.node_ip(index)
    # Its data is large and belongs on the state's disk; its sockets need a short path.
    root = containerd.runtime / "kubelet"
    mounts.bind(directory / "kubelet", root)
    authority = plane.authority
    serving = authority.issue(f"kubelet-{name}", name, "system:nodes", (name, address))
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "healthzBindAddress": address,
        "authentication": {
            "x509": {"clientCAFile": str(authority.certificate)},
            "webhook": {"enabled": True},
            "anonymous": {"enabled": False},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "containerRuntimeEndpoint": f"unix://{containerd.socket}",
        "clusterDNS": [addresses.DNS_SERVICE_IP],
        "clusterDomain": addresses.CLUSTER_DOMAIN,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "podLogsDir": str(directory / "pod-logs"),
        "volumePluginDir": str(directory / "volume-plugins"),
        "makeIPTablesUtilChains": False,
        # The disk belongs to the developer: never evict a pod or delete an image to free space.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
        },
        # Half of the defaults, since tests wait for these.
        "syncFrequency": "10s",
        "nodeStatusReportFrequency": "1m",
    }
    file = directory / "kubelet.json"
    return Daemon(
        f"kubelet-{index}",
        [
            str(plane.binaries["kubelet"]),
            f"--config={file}",
            f"--kubeconfig={plane.credentials(name, f'system:node:{name}', 'system:nodes')}",
            f"--hostname-override={name}",
            f"--node-ip={address}",
            f"--root-dir={root}",
        ],
        ready=lambda: healthy(f"http://{address}:10248/healthz"),
        files={str(file): json.dumps(configuration, indent=1)},
        # It ends while containerd, which answers already, still reads the containers of a node that was
        # killed; on a machine with systemd the unit restarts it.
        restarts=100,
    )


def remove_leftovers(state: Path) -> None:
    """Remove what a kubelet leaves in system directories that no setting changes."""
    links, plugins = Path("/var/log/containers"), Path("/var/lib/kubelet/device-plugins")
    for link in links.glob("*"):
        if link.is_symlink() and link.readlink().is_relative_to(state):
            link.unlink()
    for name in ("kubelet.sock", "kubelet_internal_checkpoint"):
        (plugins / name).unlink(missing_ok=True)
    for directory in (links, plugins, plugins.parent):
        if directory.is_dir() and not any(directory.iterdir()):
            directory.rmdir()
