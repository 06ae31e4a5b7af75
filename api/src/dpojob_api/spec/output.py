"""spec.output: where the trained model is stored."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dpojob_api.base import StrictModel

from .fields import ClaimPath, RelativePath, Repository, SecretName


class S3(StrictModel):
    """A directory in an S3-compatible store."""

    bucket: Annotated[str, Field(min_length=1, max_length=63)] = Field(description="Bucket.")
    prefix: RelativePath = Field(
        default="", description="Key prefix of the model. Default: the root."
    )
    endpoint: Annotated[str, Field(max_length=2000, pattern=r"^https?://")] | None = Field(
        default=None, description="Address of the store. Default: the cloud's own."
    )
    secret: SecretName | None = Field(
        default=None,
        description="Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Default: the identity of the "
        "pods, by the ServiceAccount that the GPUPool gives them (pod.serviceAccountName).",
    )


class Output(StrictModel):
    """Where the model goes. Without a volume, a claim `<name>-output` is made.

    Where push is set and evaluation is not, the model is uploaded without a claim.
    """

    volume: ClaimPath | None = Field(
        default=None, description="Directory of the model on a claim. Default: a claim made for it."
    )
    push: Repository | None = Field(
        default=None, description="Model repository on the hub to upload to."
    )
    s3: S3 | None = Field(default=None, description="S3-compatible store to upload to.")
    merge: bool = Field(
        default=False,
        description="Merge the adapter into the base model's weights. Default: false, the adapter alone.",
    )
