"""The network addresses of a cluster with real nodes."""

CLUSTER_DOMAIN = "cluster.local"
POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
API_SERVICE_IP = "10.96.0.1"
DNS_SERVICE_IP = "10.96.0.10"


def node_ip(index: int) -> str:
    """The address of a node, on the loopback device: reachable from pods, and from here only."""
    return f"10.123.0.{10 + index}"


def pod_subnet(index: int) -> str:
    """The addresses of a node's pods."""
    return f"10.244.{index}.0/24"
