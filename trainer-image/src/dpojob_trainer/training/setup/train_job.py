"""TrainJob: the inputs of a training run and the directories that it uses."""

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
from dpojob_trainer.shared.container_environment import ContainerEnvironment

from .errors import TrainingError


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
    """A writable directory that lives as long as the attempt."""
    uid: str = ""
    """The DPOJob's UID; empty without a cluster."""
    namespace: str = "default"
    attempt: int = 1
    image: str | None = None
    token: str | None = field(default=None, repr=False)
    """The user's hub token."""

    @classmethod
    def from_environment(cls, environment: ContainerEnvironment) -> TrainJob:
        """The job that the operator describes to this container.

        Raises TrainingError, with the name of a file or variable that is missing.
        """
        try:
            return cls(
                name=environment.name,
                namespace=environment.namespace,
                uid=environment.uid or "",
                spec=environment.spec,
                report=environment.report,
                plan=environment.plan,
                volumes=environment.volumes,
                scratch=environment.scratch or Path(constants.SCRATCH_ROOT),
                attempt=environment.attempt,
                image=environment.image,
                token=environment.hub_token,
            )
        except KeyError as error:
            raise TrainingError.invalid_spec(
                f"the environment variable or field {error} is missing"
            ) from error
        except (OSError, ValueError) as error:
            raise TrainingError.invalid_spec(
                f"what the operator handed over cannot be read: {error}"
            ) from error

    def path(self, place: ClaimPath) -> Path:
        """The directory of `place`. Raises TrainingError when its claim is not mounted."""
        root = self.volumes.get(place.claim_name)
        if root is None:
            raise TrainingError.invalid_spec(
                f"claim {place.claim_name!r} is not mounted; mounted are {sorted(self.volumes)}"
            )
        return root / place.path

    @property
    def parameters(self) -> int:
        """The model's number of parameters, as inspection counted them; 0 where it did not."""
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

    def cache_directory(self, name: str) -> Path | None:
        """A directory on the volume that jobs share; None where the job names no cache."""
        return None if self.spec.cache is None else self.path(self.spec.cache.volume) / name

    @property
    def key(self) -> str:
        """A hash of what is trained: a checkpoint with another key belongs to another training.

        The batch per GPU and the number of GPUs are left out, so that an attempt on another pool
        resumes: the pairs of each optimizer step stay the same. Fields that have their default are left out too,
        so that a later version with more fields resumes.
        """
        facts = self.report.model
        identity = {
            "uid": self.uid,
            "model": self.spec.model.wire(exclude_defaults=True),
            "modelRevision": facts.revision if facts else None,
            "modelFingerprint": facts.fingerprint if facts else None,
            "baseRevision": facts.base_revision if facts else None,
            "dataset": self.spec.dataset.wire(exclude_defaults=True),
            "datasetRevision": self.report.revision,
            "datasetHash": self.report.content_hash,
            "training": self.spec.training.wire(exclude_defaults=True),
            "method": self.plan.method,
            "optimizer": self.plan.optimizer,
            "maxLength": self.plan.max_length,
        }
        if self.plan.prefix_sharing:
            identity["prefixSharing"] = True
        text = json.dumps(identity, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
