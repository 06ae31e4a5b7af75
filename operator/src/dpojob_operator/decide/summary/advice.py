"""What would help a job that waits, by the reason of its waiting."""

from __future__ import annotations

from collections.abc import Mapping

from dpojob_api.conditions import Reason

ADVICE: Mapping[str, str] = {
    Reason.WAITING_FOR_CLAIM: "`kubectl describe pvc` says why it is not bound: often its storage class does not "
    "exist, has no provisioner, or waits for a volume of that size.",
    Reason.NO_NODE_FITS: "Compare the nodes' labels and taints with nodeSelector and tolerations of the GPUPool; "
    "where an autoscaler adds nodes, it is still to add one.",
    Reason.IMAGE_PULL_FAILED: "Check the image that the installation names and its imagePullSecrets in this "
    "namespace.",
    Reason.QUEUED: "It starts when GPUs of the pool become free or nodes are added; `kubectl get gpupools` shows "
    "them, and hardware.whenFull: NextPool lets a new job take another pool.",
    Reason.QUOTA_EXCEEDED: "It is tried again; it goes on when other work of the namespace ends or the quota is "
    "raised.",
    Reason.COST_QUOTA_EXCEEDED: "It goes on when the period ends, when the quota is raised or when what other jobs "
    "reserve becomes free; `kubectl get costquotas` shows the figures.",
    Reason.COST_QUOTA_UNREADABLE: "Install the CRDs and the operator of the same version, or correct the quota.",
    Reason.CREATION_REFUSED: "It is tried again; it goes on when the policy or webhook that the message names "
    "admits it.",
    Reason.SUSPENDED_BY_QUEUE: "`kubectl get workloads` shows Kueue's view; it goes on when its queue has quota.",
}
"""One sentence, which follows the condition's message in Ready."""
