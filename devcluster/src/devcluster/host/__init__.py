"""The machine below a cluster: commands, paths, locks, ports, processes, mounts, Debian packages, messages."""

__all__ = [
    "commands",
    "console",
    "debian_packages",
    "errors",
    "locks",
    "mounts",
    "paths",
    "ports",
    "processes",
]
