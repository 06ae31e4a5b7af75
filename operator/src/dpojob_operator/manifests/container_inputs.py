"""The input files of a container: the DPOJob, the inspection report, the plan and the mounted claims.

They hold text that users wrote, so they reach the container as files. Each file is an annotation of the
pod, which needs no further object and no right beyond that to create Jobs. Variables, tokens from Secrets among them,
are in `pod`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dpojob_api.constants import (
    API_VERSION,
    GROUP,
    INPUT_MANIFEST,
    INPUT_PLAN,
    INPUT_REPORT,
    INPUT_VOLUMES,
    VOLUMES_ROOT,
)
from dpojob_api.job import DPOJob
from dpojob_api.plan import Plan
from dpojob_api.report import InspectionReport
from dpojob_api.spec import DPOJobSpec
from dpojob_operator.decide.effective_spec import claims_mounted

from .compact_json import compact

ANNOTATIONS_LIMIT_BYTES = 256 * 1024
"""The API server's limit on all annotations of one object, keys and values together
(`TotalAnnotationSizeLimitB` in k8s.io/apimachinery, pkg/api/validation/objectmeta.go)."""
OTHERS_RESERVE_BYTES = 32 * 1024
"""Left to annotations that others add to a pod: the Job controller, queues, meshes, network plugins."""
TRAINING_RESERVE_BYTES = 24 * 1024
"""Left by an inspection pod's inputs to the report, which is at most a termination message, and the plan
of the training pod, so that a spec that is too large is refused before anything else is made."""
INPUTS_LIMIT_BYTES = ANNOTATIONS_LIMIT_BYTES - OTHERS_RESERVE_BYTES


class InputsTooLarge(Exception):
    """The inputs do not fit a pod's annotations; the message says by how much, and what to shorten."""


@dataclass(frozen=True)
class ContainerInputs:
    """The files of one pod, by name."""

    files: Mapping[str, str]

    def annotations(self) -> dict[str, str]:
        """The pod's annotations that hold the files."""
        return {_annotation(name): text for name, text in self.files.items()}

    def volume_source(self) -> dict[str, Any]:
        """The source of the volume that shows the annotations as files."""
        items = [
            {
                "path": name,
                "fieldRef": {"fieldPath": f"metadata.annotations['{_annotation(name)}']"},
            }
            for name in self.files
        ]
        return {"downwardAPI": {"items": items}}


def inspection_inputs(job: DPOJob, spec: DPOJobSpec) -> ContainerInputs:
    """The inputs of the inspection container; `spec` is the effective spec. Raises InputsTooLarge."""
    inputs = ContainerInputs(_common_files(job, spec))
    size = _annotations_size(inputs.annotations())
    _check_size(size, spec, INPUTS_LIMIT_BYTES - TRAINING_RESERVE_BYTES)
    return inputs


def training_inputs(
    job: DPOJob,
    spec: DPOJobSpec,
    plan: Plan,
    report: InspectionReport,
    other_annotations: Mapping[str, str],
) -> ContainerInputs:
    """The inputs of the training container, beside the annotations that its pool sets.

    `spec` is the effective spec. Raises InputsTooLarge.
    """
    files = {INPUT_REPORT: report.wire_json(), INPUT_PLAN: plan.wire_json()}
    inputs = ContainerInputs({**_common_files(job, spec), **files})
    size = _annotations_size({**other_annotations, **inputs.annotations()})
    _check_size(size, spec, INPUTS_LIMIT_BYTES)
    return inputs


def _common_files(job: DPOJob, spec: DPOJobSpec) -> dict[str, str]:
    manifest = {
        "apiVersion": API_VERSION,
        "kind": "DPOJob",
        "metadata": {"name": job.name, "namespace": job.namespace, "uid": job.uid},
        "spec": spec.wire(),
    }
    claims = claims_mounted(spec, job.status.dependency)
    volumes = {name: f"{VOLUMES_ROOT}/{name}" for name in claims}
    return {INPUT_MANIFEST: compact(manifest), INPUT_VOLUMES: compact(volumes)}


def _annotation(name: str) -> str:
    return f"{GROUP}/{name}"


def _annotations_size(annotations: Mapping[str, str]) -> int:
    """Bytes of keys and values, as the API server counts them."""
    return sum(
        len(key.encode()) + len(text.encode(errors="replace")) for key, text in annotations.items()
    )


def _check_size(size: int, spec: DPOJobSpec, limit: int) -> None:
    if size <= limit:
        return
    field, part = _largest_field(spec)
    raise InputsTooLarge(
        f"The job's pods would be given {_kib(size)} KiB, most of it the spec, and at most "
        f"{limit // 1024} KiB fit a pod's annotations. spec.{field} takes {_kib(part)} KiB: shorten it, "
        "then create this DPOJob again."
    )


def _largest_field(spec: DPOJobSpec) -> tuple[str, int]:
    """The path and the size in bytes of the largest field, of those at most two levels deep."""
    sizes: dict[str, int] = {}
    for name, value in spec.wire().items():
        parts = value if isinstance(value, dict) else {}
        sizes |= {f"{name}.{part}": _size(inner) for part, inner in parts.items()}
        if not parts:
            sizes[name] = _size(value)
    return max(sizes.items(), key=lambda item: item[1])


def _size(value: Any) -> int:
    return len(compact(value).encode(errors="replace"))


def _kib(size: int) -> int:
    """Whole KiB, rounded up."""
    return -(-size // 1024)
