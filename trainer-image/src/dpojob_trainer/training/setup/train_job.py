"""TrainJob: everything a training run is told, and where its files lie."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dpojob_api import constants
from dpojob_api.plan import Plan
from dpojob_api.report import InspectionReport
from dpojob_api.spec import ClaimPath, DPOJobSpec

from .errors import Failure


@dataclass(frozen=True)
class TrainJob:
    """One attempt at one DPOJob."""

    name: str
    spec: DPOJobSpec
    report: InspectionReport
    plan: Plan
    volumes: Mapping[str, Path]
    """Claim name to the directory where it is mounted."""
    scratch: Path
    """Writable, lives as long as the attempt."""
    uid: str = ""
    """Of the DPOJob; empty without a cluster."""
    namespace: str = "default"
    attempt: int = 1
    image: str | None = None
    token: str | None = field(default=None, repr=False)
    """The user's hub token."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> TrainJob:
        """The job that the operator described to this container. Raises Failure naming the variable."""
        try:
            manifest = json.loads(environ[constants.ENV_MANIFEST])
            metadata = manifest["metadata"]
            return cls(
                name=metadata["name"],
                namespace=metadata.get("namespace", "default"),
                uid=metadata.get("uid", ""),
                spec=DPOJobSpec.model_validate(manifest["spec"]),
                report=InspectionReport.model_validate_json(environ[constants.ENV_INSPECTION]),
                plan=Plan.model_validate_json(environ[constants.ENV_PLAN]),
                volumes={
                    claim: Path(directory)
                    for claim, directory in json.loads(
                        environ.get(constants.ENV_VOLUMES, "{}")
                    ).items()
                },
                scratch=Path(environ.get(constants.ENV_SCRATCH, constants.SCRATCH_ROOT)),
                attempt=int(environ.get(constants.ENV_ATTEMPT, "1")),
                image=environ.get(constants.ENV_IMAGE) or None,
                token=environ.get(constants.ENV_HUB_TOKEN) or None,
            )
        except KeyError as error:
            raise Failure.user(f"the environment variable or field {error} is missing") from error
        except ValueError as error:
            raise Failure.user(f"what the operator handed over cannot be read: {error}") from error

    def path(self, place: ClaimPath) -> Path:
        """Where `place` is mounted. Raises Failure when its claim is not."""
        root = self.volumes.get(place.claim_name)
        if root is None:
            raise Failure.user(
                f"claim {place.claim_name!r} is not mounted; mounted are {sorted(self.volumes)}"
            )
        return root / place.path

    @property
    def parameters(self) -> int:
        """Of the model, as inspection counted them; 0 where it did not."""
        return self.report.model.parameters if self.report.model else 0

    @property
    def output(self) -> Path:
        """The finished model's directory."""
        volume = self.spec.output.volume
        return self.scratch / "output" if volume is None else self.path(volume)

    @property
    def checkpoints(self) -> Path:
        """The checkpoints' directory; beside the model where there is a volume."""
        return self.output / constants.CHECKPOINT_DIRECTORY

    @property
    def key(self) -> str:
        """Names what is trained: a checkpoint under another key is another training's.

        The batch per GPU and the number of GPUs are left out, so that an attempt on another pool
        resumes: the pairs of each optimizer step stay the same.
        """
        facts = self.report.model
        told = {
            "uid": self.uid,
            "model": self.spec.model.wire(),
            "modelRevision": facts.revision if facts else None,
            "modelFingerprint": facts.fingerprint if facts else None,
            "baseRevision": facts.base_revision if facts else None,
            "dataset": self.spec.dataset.wire(),
            "datasetRevision": self.report.revision,
            "datasetHash": self.report.content_hash,
            "training": self.spec.training.wire(),
            "method": self.plan.method,
            "maxLength": self.plan.max_length,
        }
        text = json.dumps(told, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
