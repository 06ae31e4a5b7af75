"""Where the weights to start from lie on disk: the model's own directory, and an adapter's base."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from dpojob_api.conditions import Reason
from dpojob_api.spec import ModelSource
from dpojob_trainer.inspection import open_model, read_facts
from dpojob_trainer.shared.container_environment import ContainerEnvironment
from dpojob_trainer.shared.hub_client import hub_api

from .errors import TrainingError
from .train_job import TrainJob

DOWNLOADED_FILES = ["*.safetensors", "*.json", "*.jinja", "*.txt", "*.model", "*.py"]
"""Patterns of a model's files; other weight formats of the same model are not downloaded."""


@dataclass(frozen=True)
class ModelLocation:
    """The directories of the model that training starts from."""

    model: Path
    """Directory of the full weights."""
    adapter: Path | None = None
    """Directory of an adapter on `model`, whose training continues."""
    tokenizer: Path | None = None
    """Directory of the tokenizer; `model` when None."""
    name: str = ""
    """The public name of `model`: a repository, or its path relative to its claim's root."""
    revision: str | None = None
    """The commit of that repository."""


def locate_model(job: TrainJob) -> ModelLocation:
    """Find or download the model. Raises TrainingError where that fails."""
    source = job.spec.model
    if source.volume is not None:
        directory = job.path(source.volume)
    elif source.repo is not None:
        revision = job.report.model.revision if job.report.model else None
        directory = download_model(job, source.repo, revision or source.revision)
    else:
        raise TrainingError.invalid_spec(
            "spec.model.fromJob was not replaced by the model it leads to"
        )
    if not directory.is_dir():
        raise TrainingError(Reason.MODEL_NOT_FOUND, f"there is no directory {directory}")
    _check_not_replaced(job)
    config = directory / "adapter_config.json"
    if not config.is_file() or (directory / "config.json").is_file():
        name, commit = _public_name(source, job)
        return ModelLocation(directory, name=name, revision=commit)
    adapter_config = json.loads(config.read_text(encoding="utf-8"))
    base, revision = adapter_config["base_model_name_or_path"], adapter_config.get("revision")
    facts = job.report.model
    if facts is not None and facts.base_revision:
        revision = facts.base_revision
    tokenizer = directory if (directory / "tokenizer_config.json").is_file() else None
    model = _find_base(job, directory, base, revision)
    return ModelLocation(model, directory, tokenizer, name=base, revision=revision)


def _check_not_replaced(job: TrainJob) -> None:
    """Raise TrainingError where the files on the volume are no longer those that were inspected.

    Checkpoints of earlier attempts belong to the model that was inspected.
    """
    facts = job.report.model
    if facts is None or facts.fingerprint is None or facts.base_revision is not None:
        return
    if (
        read_facts(open_model(job.spec.model, job.volumes, job.token)).fingerprint
        != facts.fingerprint
    ):
        raise TrainingError(
            Reason.MODEL_NOT_FOUND,
            f"{facts.source} holds another model than the one that was inspected: its files have changed "
            "since. Put them back, or delete the job and apply it again with another output.volume.path",
        )


def _public_name(source: ModelSource, job: TrainJob) -> tuple[str, str | None]:
    if source.volume is not None:
        return source.volume.path or ".", None
    commit = job.report.model.revision if job.report.model else None
    return str(source.repo), commit or source.revision


def _find_base(job: TrainJob, adapter: Path, base: str, revision: str | None) -> Path:
    """An adapter's base: a directory on a mounted claim, or a repository."""
    for candidate in (adapter / base, *(root / base for root in job.volumes.values())):
        if (candidate / "config.json").is_file():
            return candidate
    if base.startswith(("/", ".")):
        raise TrainingError(
            Reason.MODEL_NOT_FOUND,
            f"the adapter's base model {base!r} is neither on a mounted claim nor a repository; put it "
            "on the adapter's claim and write its path, relative to the claim's root, as "
            "base_model_name_or_path in adapter_config.json",
        )
    return download_model(job, base, revision)


def download_model(job: TrainJob, repo: str, revision: str | None) -> Path:
    """Download a model repository. Raises TrainingError where that fails."""
    endpoint = ContainerEnvironment().hub_endpoint
    try:
        found = snapshot_download(
            repo,
            revision=revision,
            token=job.token,
            allow_patterns=DOWNLOADED_FILES,
            endpoint=endpoint,
        )
        if not any(Path(found).glob("*.safetensors")):
            # Where the hub denies access, snapshot_download returns what an earlier download left;
            # this request raises the hub's error.
            hub_api(job.token).model_info(repo, revision=revision)
            raise TrainingError(Reason.MODEL_UNREADABLE, f"{repo} holds no weights as safetensors")
    except LocalEntryNotFoundError as error:
        # The hub could not be reached; another attempt may succeed, so this is no user error.
        raise TrainingError(
            Reason.TRAINING_FAILED, f"the hub could not be reached for {repo}: {error}"
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status >= 500 or status == 429:
            raise TrainingError(
                Reason.TRAINING_FAILED, f"the hub failed for {repo}: {error}"
            ) from error
        raise TrainingError(
            Reason.MODEL_NOT_FOUND,
            f"{repo} at {revision or 'main'} cannot be downloaded: {error}; check the name, the revision "
            "and hubTokenSecret",
        ) from error
    return Path(found)
