"""The machine below a cluster: paths, locks, ports, processes, mounts, Debian packages, messages."""

__all__ = ["console", "debian_packages", "errors", "locks", "mounts", "paths", "ports", "processes"]
