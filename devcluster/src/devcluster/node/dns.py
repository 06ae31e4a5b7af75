"""Cluster DNS: CoreDNS as a process of the host behind the usual Service."""

from pathlib import Path
from typing import Any

from devcluster.control_plane import Api, ControlPlane, addresses
from devcluster.host.processes import Daemon
from devcluster.node.kubelet import healthy

_PORT = 1053
_USER = "system:coredns"


def _objects() -> dict[str, dict[str, Any]]:
    """The API objects of cluster DNS, by path."""
    rbac, kinds = "/apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"
    address = addresses.node_ip(0)
    protocols = {"dns": "UDP", "dns-tcp": "TCP"}
    read = ["list", "watch"]
    system = "/namespaces/kube-system"
    return {
        f"{rbac}/clusterroles/{_USER}": {
            "apiVersion": f"{kinds}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": _USER},
            "rules": [
                {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": read},
                {
                    "apiGroups": ["discovery.k8s.io"],
                    "resources": ["endpointslices"],
                    "verbs": read,
                },
            ],
        },
        f"{rbac}/clusterrolebindings/{_USER}": {
            "apiVersion": f"{kinds}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": _USER},
            "roleRef": {"apiGroup": kinds, "kind": "ClusterRole", "name": _USER},
            "subjects": [{"apiGroup": kinds, "kind": "User", "name": _USER}],
        },
        f"/api/v1{system}/services/kube-dns": {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "labels": {"k8s-app": "kube-dns"}},
            "spec": {
                "clusterIP": addresses.DNS_SERVICE_IP,
                "ports": [
                    {"name": name, "port": 53, "protocol": protocol, "targetPort": _PORT}
                    for name, protocol in protocols.items()
                ],
            },
        },
        f"/apis/discovery.k8s.io/v1{system}/endpointslices/kube-dns": {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "kube-dns",
                "labels": {"kubernetes.io/service-name": "kube-dns"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": [
                {"name": name, "port": _PORT, "protocol": protocol}
                for name, protocol in protocols.items()
            ],
        },
    }


def apply_objects(api: Api) -> None:
    """Create or update the Service, its endpoints and the permissions."""
    for path, body in _objects().items():
        api.apply(path, body)


def daemon(plane: ControlPlane, directory: Path) -> Daemon:
    """The process and its configuration."""
    health = plane.record.ports["dns-health"]
    # Without a name server on the machine there is nothing to forward other names to.
    upstream = Path("/etc/resolv.conf")
    has_upstream = upstream.exists() and "nameserver" in upstream.read_text()
    file = directory / "Corefile"
    corefile = f""".:{_PORT} {{
    bind {addresses.node_ip(0)}
    errors
    health 127.0.0.1:{health}
    kubernetes {addresses.CLUSTER_DOMAIN} in-addr.arpa ip6.arpa {{
        kubeconfig {plane.credentials("coredns", _USER)}
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }}
    {"forward . /etc/resolv.conf" if has_upstream else ""}
    cache 30
}}
"""
    return Daemon(
        "coredns",
        [str(plane.binaries["coredns"]), "-conf", str(file)],
        ready=lambda: healthy(f"http://127.0.0.1:{health}/health"),
        files={str(file): corefile},
    )
