"""The machine below a cluster: paths, locks, ports, processes, mounts, Debian packages, messages."""
