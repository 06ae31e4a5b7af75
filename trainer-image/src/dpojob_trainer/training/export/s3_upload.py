"""Uploads the finished model to an S3-compatible store, its config last; a failed upload is removed."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from dpojob_api.conditions import Reason
from dpojob_api.spec import S3
from dpojob_trainer.training.setup.errors import TrainingError

from .output_directory import model_files
from .upload_errors import TransientError

PERMANENT_ERRORS = (
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "NoSuchBucket",
    "403",
    "404",
)


def upload_to_s3(directory: Path, store: S3) -> str:
    """Upload the finished model and return its s3:// URL. Raises TransientError or TrainingError."""
    client = boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        config=Config(retries={"max_attempts": 4, "mode": "standard"}),
    )
    prefix = store.prefix.strip("/")
    uploaded: list[str] = []
    try:
        for path in model_files(directory):
            key = "/".join(part for part in (prefix, str(path.relative_to(directory))) if part)
            client.upload_file(str(path), store.bucket, key)
            uploaded.append(key)
    except (BotoCoreError, ClientError, S3UploadFailedError, OSError) as error:
        _delete(client, store.bucket, uploaded)
        text = str(error)
        if isinstance(error, NoCredentialsError) or any(code in text for code in PERMANENT_ERRORS):
            what = "the bucket and the keys in its secret"
            if store.secret is None:
                what = "the bucket, and what the ServiceAccount of the pods may do there"
            raise TrainingError(
                Reason.PUSH_FAILED,
                f"output.s3 refused the upload: {text[:300]}. Check {what}. The model is complete in "
                "output.volume.",
            ) from error
        raise TransientError(text[:300]) from error
    return "s3://" + "/".join(part for part in (store.bucket, prefix) if part)


def require_identity() -> None:
    """Raise TrainingError where the pod has no identity as which it could upload.

    Credentials are only looked for, as the AWS SDK does, and not tried: a role may need minutes to take effect.
    """
    if boto3.Session().get_credentials() is None:
        raise TrainingError(
            Reason.PUSH_FAILED,
            "output.s3 names no secret, and this pod has no identity of its own, so the model could not be "
            "uploaded; nothing was trained. Name a secret, or a pool whose pod.serviceAccountName has a role "
            "that may write to the bucket.",
        )


def _delete(client: Any, bucket: str, keys: list[str]) -> None:
    """Delete what was uploaded, as far as the store still answers."""
    for key in reversed(keys):
        with contextlib.suppress(BotoCoreError, ClientError):
            client.delete_object(Bucket=bucket, Key=key)
