"""The one place where versions are pinned. A binary's cache key holds its version."""

KUBERNETES = "v1.35.4"
ETCD = "v3.6.5"
KWOK = "v0.7.0"
HELM = "v3.19.0"
COREDNS = "v1.14.1"

# Debian's containerd is 1.6, and Kubernetes 1.35 is the last line that accepts it.
DEBIAN_RELEASE = "bookworm"
