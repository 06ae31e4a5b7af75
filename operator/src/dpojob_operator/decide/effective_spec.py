"""The spec as the containers get it, with everything resolved that only the operator can look up."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from dpojob_api.job import Dependency, DPOJob, DPOJobStatus
from dpojob_api.spec import Cache, ClaimPath, DPOJobSpec, ModelSource, Training

DEFAULT_MAX_LENGTH: int = Training.model_fields["max_length"].default


def effective_spec(name: str, spec: DPOJobSpec, status: DPOJobStatus) -> DPOJobSpec:
    """Resolve `model.fromJob` and the output claim, as far as the status has them.

    The API server fills in defaults, so `maxLength: 1024` may or may not have been written by the
    user. The earlier job's length replaces this value only; any other was written by the user and is
    kept.

    Args:
        name: The DPOJob's name.
        spec: The spec as the user wrote it.
        status: The status, for the resolved dependency and the output claim.

    Returns:
        `spec` where nothing is to be filled in, else a changed copy.

    Raises:
        ValidationError: The dependency's output is no valid model source.
    """
    changes: dict[str, object] = {}
    dependency = status.dependency
    if spec.model.from_job is not None and dependency is not None:
        changes["model"] = model_source(dependency)
        if dependency.max_length and spec.training.max_length == DEFAULT_MAX_LENGTH:
            changes["training"] = spec.training.model_copy(
                update={"max_length": dependency.max_length}
            )
    volume = output_volume(spec, status)
    if volume is not spec.output.volume:
        changes["output"] = spec.output.model_copy(update={"volume": volume})
    return spec.model_copy(update=changes) if changes else spec


def with_default_cache(job: DPOJob, claims: Mapping[str, str]) -> DPOJob:
    """Fill in the cache that the installation has for the job's namespace.

    Args:
        job: The DPOJob as the user wrote it.
        claims: By namespace, the claim that is the cache of its jobs.

    Returns:
        The DPOJob; changed where it names no cache and its namespace has one.
    """
    claim = claims.get(job.namespace)
    if claim is None or job.spec.cache is not None:
        return job
    cache = Cache(volume=ClaimPath(claim_name=claim, path=""))
    return job.model_copy(update={"spec": job.spec.model_copy(update={"cache": cache})})


def output_volume(spec: DPOJobSpec, status: DPOJobStatus) -> ClaimPath | None:
    """Find the volume that the model is written to.

    Args:
        spec: The spec as the user wrote it.
        status: The status, for the name of the claim that the operator created.

    Returns:
        The user's directory, else the created claim, else None.
    """
    created = status.artifacts.claim_name if status.artifacts else None
    if spec.output.volume is not None or created is None:
        return spec.output.volume
    return ClaimPath(claim_name=created, path="")


def normalized_directory(path: str | None) -> str:
    """Normalize a directory on a claim: jobs that write to one find each other by its path.

    Args:
        path: As the user wrote it; None or empty for the claim's root.

    Returns:
        The path relative to the claim's root, "." for the root itself.
    """
    return posixpath.normpath(path or ".")


def model_source(dependency: Dependency) -> ModelSource:
    """Convert the output of the job named by `fromJob` to a model source.

    Args:
        dependency: The job, with the volume or repository of its output.

    Returns:
        The model source.

    Raises:
        ValidationError: The volume or repository has an invalid name.
    """
    if dependency.volume is not None:
        return ModelSource(
            volume=ClaimPath(
                claim_name=dependency.volume["claimName"], path=dependency.volume.get("path", "")
            )
        )
    return ModelSource(repo=dependency.repo, revision=dependency.revision)


def claims_mounted(spec: DPOJobSpec, dependency: Dependency | None) -> dict[str, bool]:
    """List the PersistentVolumeClaims that a pod mounts.

    Args:
        spec: The effective spec.
        dependency: The resolved `fromJob`, whose adapter may need the claims of its base model.

    Returns:
        By claim name, whether the mount is read-only; only those of the output and of the cache are not.
    """
    read = [spec.model.volume.claim_name] if spec.model.volume is not None else []
    read += dependency.base_claims if dependency is not None else []
    read += [spec.dataset.volume.claim_name] if spec.dataset.volume is not None else []
    read += [place.claim_name for place in spec.evaluation_volumes.values()]
    mounted = dict.fromkeys(read, True)
    for writable in (spec.output.volume, spec.cache.volume if spec.cache is not None else None):
        if writable is not None:
            mounted[writable.claim_name] = False
    return mounted
