"""The pod through which a claim is read: its image and its manifest."""

from __future__ import annotations

from dataclasses import dataclass

from dpojob.cluster.api import Api
from dpojob.cluster.resources import JOBS
from dpojob.errors import CommandError
from dpojob_api.base import JSONObject
from dpojob_api.constants import GROUP, LABEL_JOB_UID, LABEL_MANAGED_BY, MANAGED_BY
from dpojob_api.job import DPOJob

MOUNT = "/claim"
"""Where the claim is mounted."""
USER = 65532
"""The user of the training image, whose files are read."""
DEADLINE_SECONDS = 3600
"""When the kubelet ends the pod, whatever became of its reader."""
LABEL_READER = f"{GROUP}/claim-reader"
"""On these pods only, so that they can be found: kubectl get pods -l dpojob.dev/claim-reader."""


@dataclass(frozen=True)
class ReaderImage:
    """The image of the pod, with what its pull needs: one that the cluster already runs.

    Attributes:
        name: The image; it must have sleep, cat and tar.
        pull_secrets: Names of Secrets that pull it.
    """

    name: str
    pull_secrets: tuple[str, ...] = ()


async def image_of(api: Api, job: DPOJob) -> ReaderImage:
    """Finds an image that reads a job's claims: that of the job's own Jobs.

    Args:
        api: The API server.
        job: The job.

    Returns:
        The image of its newest Job, else of the newest Job of any DPOJob in the namespace.

    Raises:
        CommandError: There is no such Job any more.
    """
    for selector in (f"{LABEL_JOB_UID}={job.uid}", f"{LABEL_MANAGED_BY}={MANAGED_BY}"):
        found = await api.list_all(JOBS, job.namespace, labelSelector=selector)
        if found:
            newest = max(found, key=lambda each: str(each["metadata"].get("creationTimestamp")))
            pod = newest["spec"]["template"]["spec"]
            secrets_ = tuple(str(each["name"]) for each in pod.get("imagePullSecrets") or [])
            return ReaderImage(str(pod["containers"][0]["image"]), secrets_)
    raise CommandError(
        f"{job.name}: no Job is left from which to take an image; name one with sleep, cat and tar: "
        "--image IMAGE",
        reason=None,
    )


def reader_pod(
    name: str, claim: str, image: ReaderImage, *, beside: JSONObject | None = None
) -> JSONObject:
    """Builds the pod that has a claim mounted.

    Args:
        name: The pod's name.
        claim: The claim's name.
        image: The pod's image.
        beside: A pod on whose node it must run, since the claim can be mounted on one node at a time.

    Returns:
        A Pod that the restricted Pod Security Standard admits.
    """
    spec: JSONObject = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "activeDeadlineSeconds": DEADLINE_SECONDS,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "read",
                "image": image.name,
                "command": ["sleep", str(DEADLINE_SECONDS)],
                "resources": {
                    "requests": {"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "16Mi"},
                    "limits": {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "64Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "claim", "mountPath": MOUNT, "readOnly": True}],
            }
        ],
        # In the volume source too: the kubelet leaves the ownership of such a volume's files alone.
        "volumes": [
            {"name": "claim", "persistentVolumeClaim": {"claimName": claim, "readOnly": True}}
        ],
    }
    if image.pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret} for secret in image.pull_secrets]
    if beside is not None:
        node = {"key": "metadata.name", "operator": "In", "values": [beside["spec"]["nodeName"]]}
        terms = {"nodeSelectorTerms": [{"matchFields": [node]}]}
        spec["affinity"] = {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}
        }
        spec["tolerations"] = beside["spec"].get("tolerations") or []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {LABEL_READER: "true"}},
        "spec": spec,
    }
