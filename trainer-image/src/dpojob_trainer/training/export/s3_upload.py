"""An upload to an S3-compatible store: what makes it a model comes last, and goes first if it fails."""

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
from dpojob_trainer.training.setup.errors import Failure

from .output_directory import published
from .uploads import Passing

FINAL = (
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "NoSuchBucket",
    "403",
    "404",
)


def put(directory: Path, store: S3) -> str:
    """Upload the finished model; gives its s3:// address. Raises Passing or Failure."""
    client = boto3.client(
        "s3",
        endpoint_url=store.endpoint,
        config=Config(retries={"max_attempts": 4, "mode": "standard"}),
    )
    prefix = store.prefix.strip("/")
    done: list[str] = []
    try:
        for path in published(directory):
            key = "/".join(part for part in (prefix, str(path.relative_to(directory))) if part)
            client.upload_file(str(path), store.bucket, key)
            done.append(key)
    except (BotoCoreError, ClientError, S3UploadFailedError, OSError) as error:
        _take_back(client, store.bucket, done)
        text = str(error)
        if isinstance(error, NoCredentialsError) or any(code in text for code in FINAL):
            raise Failure(
                Reason.PUSH_FAILED,
                f"output.s3 refused the upload: {text[:300]}. Check the bucket and the keys in its "
                "secret. The model is complete in output.volume.",
            ) from error
        raise Passing(text[:300]) from error
    return "s3://" + "/".join(part for part in (store.bucket, prefix) if part)


def _take_back(client: Any, bucket: str, keys: list[str]) -> None:
    """Leave no part of an upload behind, as far as the store still answers."""
    for key in reversed(keys):
        with contextlib.suppress(BotoCoreError, ClientError):
            client.delete_object(Bucket=bucket, Key=key)
