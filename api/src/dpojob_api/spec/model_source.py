"""spec.model: where the model to tune comes from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dpojob_api.base import StrictModel

from .fields import ClaimPath, Name, Repository, Revision, one_of, validations


class JobReference(
    StrictModel,
    json_schema_extra=validations(
        {
            "rule": "!has(self.requireImproved) || !self.requireImproved || self.kind == 'DPOJob'",
            "message": "requireImproved is for a DPOJob: other jobs have no condition Improved",
        },
    ),
):
    """A job whose output is this job's model."""

    kind: Literal["DPOJob", "Job", "TrainJob"] = Field(
        default="DPOJob",
        description="DPOJob; or a batch/v1 Job or Kubeflow TrainJob that names its output in the "
        "annotation dpojob.dev/output. Default: DPOJob.",
    )
    name: Name = Field(description="Name of the job, in the same namespace.")
    require_improved: bool = Field(
        default=False,
        description="Tune that DPOJob's output only where its condition Improved is True; otherwise this job "
        "fails before it asks for a GPU. Default: false.",
    )


class ModelSource(
    StrictModel,
    json_schema_extra=validations(
        one_of("repo", "volume", "fromJob", kind="model"),
        {
            "rule": "!has(self.revision) || has(self.repo)",
            "message": "revision belongs to repo; a volume or a job has only one state",
        },
    ),
):
    """The model to tune: exactly one of repo, volume or fromJob."""

    repo: Repository | None = Field(
        default=None,
        description="A model repository on the hub, such as Qwen/Qwen2.5-1.5B-Instruct.",
    )
    revision: Revision | None = Field(
        default=None, description="Branch, tag or commit of repo. Default: main."
    )
    volume: ClaimPath | None = Field(
        default=None,
        description="A directory as from_pretrained reads it, on a claim; mounted read-only.",
    )
    from_job: JobReference | None = Field(
        default=None, description="Waits for that job to complete, then tunes its output."
    )
