"""Files of a dataset repository on the hub: any config, split and revision."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yaml import YAMLError

from dpojob_api.spec import DatasetSource
from dpojob_trainer.inspection import hub
from dpojob_trainer.inspection.errors import not_found, unreadable
from dpojob_trainer.inspection.hub import hub_api, hub_call

from .base import DataFile, Source
from .splits import by_split, is_data, natural, offer

if TYPE_CHECKING:
    from huggingface_hub import HfApi

CARD = "README.md"


def open_hub(
    dataset: DatasetSource, split: str, token: str | None, *, evaluation: bool = False
) -> Source:
    """The files of `split` in the repository, at one resolved commit. Raises CouldNotLook."""
    repo = dataset.repo or ""
    what = f"the dataset {repo!r}" + (f" at {dataset.revision!r}" if dataset.revision else "")
    api = hub_api(token)
    info = hub_call(
        lambda: api.dataset_info(
            repo, revision=dataset.revision, files_metadata=True, timeout=hub.TIMEOUT
        ),
        what,
        not_found,
    )
    sizes = {entry.rfilename: entry.size or 0 for entry in info.siblings or []}
    if info.gated and not any(is_data(path) for path in sizes):
        # Without access the hub may list nothing; asked directly, it says why.
        hub_call(lambda: api.auth_check(repo, repo_type="dataset"), what, not_found)
    groups = _groups(dataset, _card(api, repo, info.sha, sizes), list(sizes))
    splits = sorted(groups)
    chosen = groups.get(split, [])
    if not chosen:
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


def _groups(dataset: DatasetSource, card: dict[str, Any], paths: list[str]) -> dict[str, list[str]]:
    """Files by split, from the card's own configurations or, without any, from the files' names."""
    configs = [entry for entry in (card.get("configs") or []) if isinstance(entry, dict)]
    names = [str(entry.get("config_name", "default")) for entry in configs]
    data = sorted((path for path in paths if is_data(path)), key=natural)
    if configs:
        entry = _config(dataset, configs, names)
        return _from_card(entry, paths, data)
    directories = sorted({path.split("/")[0] for path in data if "/" in path})
    if dataset.config is not None and dataset.config != "default":
        below = [path for path in data if path.startswith(dataset.config + "/")]
        if not below:
            raise not_found(
                f"the dataset {dataset.repo!r} has no configuration {dataset.config!r}"
                + (f"; its directories: {', '.join(directories)}" if directories else "")
            )
        prefix = len(dataset.config) + 1
        return {
            split: [path for path in below if path[prefix:] in members]
            for split, members in by_split(path[prefix:] for path in below).items()
        }
    top = [path for path in data if "/" not in path or path.startswith("data/")]
    return by_split(top or data)


def _config(
    dataset: DatasetSource, configs: list[dict[str, Any]], names: list[str]
) -> dict[str, Any]:
    if dataset.config is not None:
        for entry, name in zip(configs, names, strict=True):
            if name == dataset.config:
                return entry
        raise not_found(
            f"the dataset {dataset.repo!r} has no configuration {dataset.config!r}; it has: "
            f"{', '.join(names)}. Write dataset.config: {names[0]}"
        )
    for entry, name in zip(configs, names, strict=True):
        if entry.get("default") or name == "default" or len(configs) == 1:
            return entry
    raise not_found(
        f"the dataset {dataset.repo!r} has several configurations: {', '.join(names)}. Write "
        f"dataset.config: {names[0]}"
    )


def _from_card(entry: dict[str, Any], paths: list[str], data: list[str]) -> dict[str, list[str]]:
    files = entry.get("data_files")
    prefix = str(entry.get("data_dir") or "").strip("/")
    prefix = prefix + "/" if prefix else ""
    if files is None:
        below = [path for path in data if path.startswith(prefix)]
        return {
            split: [prefix + path for path in members]
            for split, members in by_split(path[len(prefix) :] for path in below).items()
        }
    if isinstance(files, str) or (
        isinstance(files, list) and all(isinstance(f, str) for f in files)
    ):
        files = [{"split": "train", "path": files}]
    groups: dict[str, list[str]] = {}
    for item in files if isinstance(files, list) else []:
        if isinstance(item, dict) and "path" in item:
            patterns = item["path"] if isinstance(item["path"], list) else [item["path"]]
            members = groups.setdefault(str(item.get("split", "train")), [])
            for pattern in patterns:
                matched = _matching(prefix + str(pattern), paths)
                members.extend(path for path in matched if path not in members)
    return groups


def _matching(pattern: str, paths: list[str]) -> list[str]:
    """Paths that match, `*` not crossing a slash where the pattern has as many as the path."""
    found = [path for path in paths if path == pattern]
    if not found:
        found = [
            path
            for path in paths
            if fnmatch.fnmatchcase(path, pattern)
            and ("**" in pattern or path.count("/") == pattern.count("/"))
        ]
        if "**/" in pattern:
            flat = pattern.replace("**/", "")
            found += [p for p in paths if fnmatch.fnmatchcase(p, flat) and p not in found]
    return sorted(found, key=natural)


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
