"""The data files of a dataset repository on the hub, for a configuration, split and revision."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yaml import YAMLError

from dpojob_api.spec import DatasetSource
from dpojob_trainer.shared import hub_client
from dpojob_trainer.shared.errors import DatasetNotFound, DatasetUnreadable
from dpojob_trainer.shared.hub_client import hub_api, hub_call

from .data_files import FoundFile, FoundSource
from .hub_splits import group_repository_files
from .splits import is_data, suggest_split

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD = "README.md"


def open_hub(
    dataset: DatasetSource, split: str, token: str | None, *, evaluation: bool = False
) -> FoundSource:
    """Find the files of a split in a repository, at one resolved commit.

    Args:
        dataset: The dataset of the spec.
        split: The name of the split.
        token: A token for the hub.
        evaluation: Whether it is the split of `dataset.eval`.

    Returns:
        The files, not yet fetched; `revision` is the commit.

    Raises:
        DatasetNotFound: Repository, revision or split do not exist, or may not be read.
    """
    repo = dataset.repo or ""
    what = f"the dataset {repo!r}" + (f" at {dataset.revision!r}" if dataset.revision else "")
    api = hub_api(token)
    info = hub_call(
        lambda: api.dataset_info(repo, revision=dataset.revision, timeout=hub_client.TIMEOUT),
        what,
        DatasetNotFound,
    )
    all_paths = [entry.rfilename for entry in info.siblings or []]
    if info.gated and not any(is_data(path) for path in all_paths):
        # Without access the hub may list no files; the access check gives the reason.
        hub_call(lambda: api.auth_check(repo, repo_type="dataset"), what, DatasetNotFound)
    card = _card_metadata(api, repo, info.sha, all_paths)
    grouped = group_repository_files(dataset, card, all_paths)
    splits = sorted(name for name, files in grouped.splits.items() if files)
    paths = grouped.splits.get(split, [])
    if not paths:
        if split in grouped.patterns:
            raise DatasetNotFound(
                f"{CARD} of {what} says that the split {split!r} is in {grouped.patterns[split]!r}, "
                "which matches none of its files"
                + (f"; its splits with files: {', '.join(splits)}" if splits else "")
                + ". Correct it there, or name the files' addresses in dataset.urls"
            )
        if not splits:
            raise DatasetNotFound(
                f"{what} holds no Parquet, JSONL, JSON, CSV or Arrow file"
                + (
                    " (it is made by a script, which is never run)"
                    if _has_loading_script(repo, all_paths)
                    else ""
                )
            )
        raise DatasetNotFound(
            f"{what} has no split {split!r}; its splits: {', '.join(splits)}. Write "
            + suggest_split(split, splits, evaluation)
        )
    return FoundSource(
        repo,
        [_found_file(api, repo, path, info.sha) for path in paths],
        revision=info.sha,
        splits=splits,
        files_without_split=grouped.files_without_split,
    )


def _card_metadata(api: HfApi, repo: str, sha: str | None, paths: Iterable[str]) -> dict[str, Any]:
    """The metadata block of the repository's README.md; empty without one."""
    from huggingface_hub.repocard import metadata_load

    if CARD not in paths:
        return {}
    what = f"{CARD} of the dataset {repo!r}"
    path = hub_call(
        lambda: api.hf_hub_download(repo, CARD, repo_type="dataset", revision=sha),
        what,
        DatasetNotFound,
    )
    try:
        return metadata_load(path) or {}
    except (ValueError, YAMLError, UnicodeDecodeError):
        # Without readable metadata, the file names give the splits.
        return {}


def _has_loading_script(repo: str, paths: Iterable[str]) -> bool:
    return f"{repo.split('/')[-1]}.py" in paths


def _found_file(api: HfApi, repo: str, path: str, sha: str | None) -> FoundFile:
    def fetch() -> Path:
        return Path(
            hub_call(
                lambda: api.hf_hub_download(repo, path, repo_type="dataset", revision=sha),
                f"{path} of the dataset {repo!r}",
                DatasetUnreadable,
            )
        )

    return FoundFile(path, fetch)
