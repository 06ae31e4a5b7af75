"""kube-proxy: one for all nodes, since they share the machine's packet filter."""

import json
from pathlib import Path

from devcluster.control_plane import ControlPlane, addresses
from devcluster.host.processes import Daemon
from devcluster.node.kubelet import healthy


def daemon(plane: ControlPlane, directory: Path) -> Daemon:
    """The process and its configuration."""
    address = addresses.node_ip(0)
    credentials = plane.credentials("kube-proxy", "system:kube-proxy")
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": "node-0",
        "bindAddress": address,
        "healthzBindAddress": f"{address}:10256",
        "metricsBindAddress": f"{address}:10249",
        "clientConnection": {"kubeconfig": str(credentials)},
        "clusterCIDR": addresses.POD_CIDR,
        "iptables": {"localhostNodePorts": False, "minSyncPeriod": "0s"},
        # Node ports are served to this machine only, not to its network.
        "nodePortAddresses": ["primary"],
        # 0 leaves the kernel's settings alone: they belong to the machine.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
    file = directory / "kube-proxy.json"
    return Daemon(
        "kube-proxy",
        [str(plane.binaries["kube-proxy"]), f"--config={file}"],
        ready=lambda: healthy(f"http://{address}:10256/healthz"),
        files={str(file): json.dumps(configuration, indent=1)},
    )
