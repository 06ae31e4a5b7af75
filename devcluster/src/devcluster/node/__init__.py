"""Real nodes: kubelet, containerd, kube-proxy, DNS, and the kernel settings that they need."""
