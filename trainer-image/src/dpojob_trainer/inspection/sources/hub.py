"""Files of a dataset repository on the hub: any config, split and revision."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yaml import YAMLError

from dpojob_api.spec import DatasetSource
from dpojob_trainer.shared import hub_client
from dpojob_trainer.shared.errors import not_found, unreadable
from dpojob_trainer.shared.hub_client import hub_api, hub_call

from .data_files import DataFile, Source
from .hub_splits import grouped
from .splits import is_data, offer

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD = "README.md"


def open_hub(
    dataset: DatasetSource, split: str, token: str | None, *, evaluation: bool = False
) -> Source:
    """The files of `split` in the repository, at one resolved commit. Raises InspectionError."""
    repo = dataset.repo or ""
    what = f"the dataset {repo!r}" + (f" at {dataset.revision!r}" if dataset.revision else "")
    api = hub_api(token)
    info = hub_call(
        lambda: api.dataset_info(
            repo, revision=dataset.revision, files_metadata=True, timeout=hub_client.TIMEOUT
        ),
        what,
        not_found,
    )
    sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or []}
    if info.gated and not any(is_data(path) for path in sizes):
        # Without access the hub may list nothing; asked directly, it says why.
        hub_call(lambda: api.auth_check(repo, repo_type="dataset"), what, not_found)
    found = grouped(dataset, _card(api, repo, info.sha, sizes), list(sizes))
    splits = sorted(name for name, files in found.splits.items() if files)
    chosen = found.splits.get(split, [])
    if not chosen:
        if split in found.patterns:
            raise not_found(
                f"{CARD} of {what} says that the split {split!r} is in {found.patterns[split]!r}, "
                "which matches none of its files"
                + (f"; its splits with files: {', '.join(splits)}" if splits else "")
                + ". Correct it there, or name the files' addresses in dataset.urls"
            )
        if not splits:
            raise not_found(
                f"{what} holds no Parquet, JSONL, JSON, CSV or Arrow file"
                + (" (it is made by a script, which is never run)" if _script(repo, sizes) else "")
            )
        raise not_found(
            f"{what} has no split {split!r}; its splits: {', '.join(splits)}. Write "
            + offer(split, splits, evaluation)
        )
    return Source(
        repo,
        [_file(api, repo, path, info.sha, sizes[path]) for path in chosen],
        revision=info.sha,
        splits=splits,
        unnamed=found.unnamed,
    )


def _card(api: HfApi, repo: str, sha: str | None, paths: Iterable[str]) -> dict[str, Any]:
    """The metadata at the head of the repository's README.md."""
    from huggingface_hub.repocard import metadata_load

    if CARD not in paths:
        return {}
    what = f"{CARD} of the dataset {repo!r}"
    path = hub_call(
        lambda: api.hf_hub_download(repo, CARD, repo_type="dataset", revision=sha), what, not_found
    )
    try:
        return metadata_load(path) or {}
    except (ValueError, YAMLError, UnicodeDecodeError):
        # A card nobody can read says nothing; the files' names still do.
        return {}


def _script(repo: str, paths: Iterable[str]) -> bool:
    return f"{repo.split('/')[-1]}.py" in paths


def _file(api: HfApi, repo: str, path: str, sha: str | None, size: int) -> DataFile:
    def fetch() -> Path:
        return Path(
            hub_call(
                lambda: api.hf_hub_download(repo, path, repo_type="dataset", revision=sha),
                f"{path} of the dataset {repo!r}",
                unreadable,
            )
        )

    return DataFile(path, fetch, size)
