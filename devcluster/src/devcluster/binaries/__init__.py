"""The pinned binaries of Kubernetes: found on PATH, in the cache, downloaded, or built from source."""
