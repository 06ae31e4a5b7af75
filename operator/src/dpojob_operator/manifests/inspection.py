"""The inspection Job: CPU only, from the slim image."""

from __future__ import annotations

from typing import Any

from dpojob_api.constants import (
    ANNOTATION_INSPECTION_KEY,
    CONTAINER_INSPECT,
    ENV_IMAGE,
    STAGE_INSPECT,
    ExitCode,
)
from dpojob_api.job import DPOJob
from dpojob_api.spec import DPOJobSpec
from dpojob_operator.process import WorkloadSettings

from .container_inputs import inspection_inputs
from .metadata import child_queue_labels, labels, owner, queue_annotations
from .pod import common_environment, pod_template, variable

RETRIES = 2
"""How often a pod that ended without a report (evicted, out of memory) is started again."""


def inspection_job(
    job: DPOJob, spec: DPOJobSpec, name: str, key: str | None, settings: WorkloadSettings
) -> dict[str, Any]:
    """The inspection Job; `spec` is the effective spec, `key` the hash by which its report is shared.

    Raises InputsTooLarge.
    """
    tags = labels(job, STAGE_INSPECT)
    container = {
        "name": CONTAINER_INSPECT,
        "image": settings.inspect_image,
        "args": ["inspect"],
        "command": ["python", "-m", "dpojob_trainer"],
        "env": [
            *common_environment(spec, settings),
            variable(ENV_IMAGE, settings.inspect_image),
        ],
        "resources": settings.inspect_resources,
    }
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": job.namespace,
        "labels": {**child_queue_labels(job), **tags},
        "ownerReferences": owner(job),
    }
    annotations = queue_annotations(job)
    if key is not None:
        annotations[ANNOTATION_INSPECTION_KEY] = key
    if annotations:
        metadata["annotations"] = annotations
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "backoffLimit": RETRIES,
            "activeDeadlineSeconds": settings.inspect_deadline_seconds,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "Ignore",
                        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                    },
                    {
                        # The report was written: a retry would have the same result.
                        "action": "FailJob",
                        "onExitCodes": {
                            "containerName": CONTAINER_INSPECT,
                            "operator": "In",
                            "values": [ExitCode.INVALID, ExitCode.UNREADABLE_INPUT],
                        },
                    },
                ]
            },
            "template": pod_template(
                job,
                spec,
                settings,
                container,
                settings.inspect_scratch_size,
                inspection_inputs(job, spec),
                tags,
            ),
        },
    }
