"""Commands on jobs of a cluster, with the user's kubeconfig and rights."""

__all__ = [
    "cancel",
    "download",
    "events",
    "list_jobs",
    "logs",
    "pools",
    "report",
    "samples",
    "status",
    "suspension",
    "ui",
]
