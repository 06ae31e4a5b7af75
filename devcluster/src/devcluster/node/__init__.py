"""Real nodes: kubelet, containerd, kube-proxy, DNS, and the kernel settings that they need."""

from devcluster.node.node_set import NodeSet, check_machine

__all__ = ["NodeSet", "check_machine"]
