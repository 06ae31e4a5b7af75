"""The spec as the containers get it: nothing left that only the operator could look up."""

from __future__ import annotations

from dpojob_api.job import Dependency, DPOJobStatus
from dpojob_api.spec import ClaimPath, DPOJobSpec, ModelSource, Training

DEFAULT_MAX_LENGTH: int = Training.model_fields["max_length"].default


def effective_spec(name: str, spec: DPOJobSpec, status: DPOJobStatus) -> DPOJobSpec:
    """`spec` with `model.fromJob` resolved and the output claim named, as far as they are known.

    The API server fills in defaults, so `maxLength: 1024` may be the user's word or nobody's: the
    earlier job's length replaces it only then; any other value is the user's and stands.
    """
    changes: dict[str, object] = {}
    dependency = status.dependency
    if spec.model.from_job is not None and dependency is not None:
        changes["model"] = model_source(dependency)
        if dependency.max_length and spec.training.max_length == DEFAULT_MAX_LENGTH:
            changes["training"] = spec.training.model_copy(
                update={"max_length": dependency.max_length}
            )
    changes["output"] = spec.output.model_copy(update={"volume": output_volume(spec, status)})
    return spec.model_copy(update=changes)


def output_volume(spec: DPOJobSpec, status: DPOJobStatus) -> ClaimPath | None:
    """Where the model is put: the user's directory, or the claim that was made for it."""
    made = status.artifacts.claim_name if status.artifacts else None
    if spec.output.volume is not None or made is None:
        return spec.output.volume
    return ClaimPath(claim_name=made, path="")


def model_source(dependency: Dependency) -> ModelSource:
    """Where the job before left its model. Raises ValidationError for what names no place."""
    if dependency.volume is not None:
        return ModelSource(
            volume=ClaimPath(
                claim_name=dependency.volume["claimName"], path=dependency.volume.get("path", "")
            )
        )
    return ModelSource(repo=dependency.repo, revision=dependency.revision)


def claims_mounted(spec: DPOJobSpec, dependency: Dependency | None) -> dict[str, bool]:
    """Every claim that a pod of an effective spec mounts, and whether read-only; the output's is not."""
    read = [spec.model.volume.claim_name] if spec.model.volume is not None else []
    read += dependency.base_claims if dependency is not None else []
    read += [spec.dataset.volume.claim_name] if spec.dataset.volume is not None else []
    mounted = dict.fromkeys(read, True)
    if spec.output.volume is not None:
        mounted[spec.output.volume.claim_name] = False
    return mounted
