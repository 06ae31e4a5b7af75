"""Commands on jobs of a cluster, with the user's kubeconfig and rights."""

__all__ = [
    "cancel",
    "download",
    "events",
    "job_document",
    "list_jobs",
    "logs",
    "pools",
    "report",
    "samples",
    "status",
    "suspension",
    "ui",
]
