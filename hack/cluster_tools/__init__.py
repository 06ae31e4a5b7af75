"""The cluster of the demo: its commands, kubectl, and the files on its claims."""

from .commands import CONTEXT, ROOT, Kubectl, devcluster, log, run
from .pvc_files import PVCPod

__all__ = ["CONTEXT", "ROOT", "Kubectl", "PVCPod", "devcluster", "log", "run"]
