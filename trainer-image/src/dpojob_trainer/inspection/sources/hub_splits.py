"""Groups a repository's files by split: by its dataset card, or without one by file names."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import Any

from dpojob_api.spec import DatasetSource
from dpojob_trainer.shared.errors import DatasetNotFound

from .splits import group_by_split, is_data, natural_sort_key, with_split_name


@dataclass
class RepositoryFiles:
    """The data files of a repository, by split."""

    splits: dict[str, list[str]]
    patterns: dict[str, str] = field(default_factory=dict)
    """The file patterns that the card gives for each split."""
    files_without_split: list[str] = field(default_factory=list)
    """Files that are left out, because their names give no split while other files' names do."""


def group_repository_files(
    dataset: DatasetSource, card: dict[str, Any], paths: list[str]
) -> RepositoryFiles:
    """Group files by split, by the card's configurations or, without any, by file names.

    Args:
        dataset: The dataset of the spec.
        card: The metadata of the dataset card.
        paths: All files of the repository.

    Returns:
        The files of each split, sorted so that `part-2` comes before `part-10`.

    Raises:
        DatasetNotFound: The configuration does not exist, or none is named where there are several.
    """
    card_configs = card.get("configs")
    configs = (
        [entry for entry in card_configs if isinstance(entry, dict)]
        if isinstance(card_configs, list)
        else []
    )
    data = sorted((path for path in paths if is_data(path)), key=natural_sort_key)
    if configs:
        names = [str(entry.get("config_name", "default")) for entry in configs]
        return _group_by_card(_select_config(dataset, configs, names), paths, data)
    if dataset.config is not None and dataset.config != "default":
        if not any(path.startswith(dataset.config + "/") for path in data):
            directories = sorted({path.split("/")[0] for path in data if "/" in path})
            raise DatasetNotFound(
                f"the dataset {dataset.repo!r} has no configuration {dataset.config!r}"
                + (f"; its directories: {', '.join(directories)}" if directories else "")
            )
        return _group_by_file_name(dataset.config + "/", data)
    top = [path for path in data if "/" not in path or path.startswith("data/")]
    # Files whose names give a split are preferred, in whatever directory they are.
    return _group_by_file_name(
        "", top if with_split_name(top) or not with_split_name(data) else data
    )


def _group_by_file_name(prefix: str, data: list[str]) -> RepositoryFiles:
    """Group files by their names, with the rules of the `datasets` library.

    Args:
        prefix: The directory whose files are grouped, with a slash at its end.
        data: The data files of the repository.

    Returns:
        The files of each split; those whose names give no split only where no file name gives one.
    """
    below = [path.removeprefix(prefix) for path in data if path.startswith(prefix)]
    kept = with_split_name(below) or below
    splits = {
        split: [prefix + path for path in members]
        for split, members in group_by_split(kept).items()
    }
    return RepositoryFiles(
        splits, files_without_split=[prefix + path for path in below if path not in kept]
    )


def _select_config(
    dataset: DatasetSource, configs: list[dict[str, Any]], names: list[str]
) -> dict[str, Any]:
    if dataset.config is not None:
        for entry, name in zip(configs, names, strict=True):
            if name == dataset.config:
                return entry
        raise DatasetNotFound(
            f"the dataset {dataset.repo!r} has no configuration {dataset.config!r}; it has: "
            f"{', '.join(names)}. Write dataset.config: {names[0]}"
        )
    for entry, name in zip(configs, names, strict=True):
        if entry.get("default") or name == "default" or len(configs) == 1:
            return entry
    raise DatasetNotFound(
        f"the dataset {dataset.repo!r} has several configurations: {', '.join(names)}. Write "
        f"dataset.config: {names[0]}"
    )


def _group_by_card(entry: dict[str, Any], paths: list[str], data: list[str]) -> RepositoryFiles:
    files = entry.get("data_files")
    prefix = str(entry.get("data_dir") or "").strip("/")
    prefix = prefix + "/" if prefix else ""
    if files is None:
        return _group_by_file_name(prefix, data)
    if isinstance(files, dict):
        files = [{"split": split, "path": path} for split, path in files.items()]
    if isinstance(files, str) or (
        isinstance(files, list) and all(isinstance(f, str) for f in files)
    ):
        files = [{"split": "train", "path": files}]
    grouped = RepositoryFiles({})
    for item in files if isinstance(files, list) else []:
        if isinstance(item, dict) and "path" in item:
            split = str(item.get("split", "train"))
            patterns = item["path"] if isinstance(item["path"], list) else [item["path"]]
            members = grouped.splits.setdefault(split, [])
            for pattern in patterns:
                matched = _match_pattern(prefix + str(pattern), paths)
                members.extend(path for path in matched if path not in members)
            grouped.patterns[split] = ", ".join(map(str, patterns))
    return grouped


def _match_pattern(pattern: str, paths: list[str]) -> list[str]:
    """The paths that match a pattern; `*` matches within one directory level, `**` across levels."""
    grouped = [path for path in paths if path == pattern]
    if not grouped:
        grouped = [
            path
            for path in paths
            if fnmatch.fnmatchcase(path, pattern)
            and ("**" in pattern or path.count("/") == pattern.count("/"))
        ]
        if "**/" in pattern:
            flat = pattern.replace("**/", "")
            grouped += [p for p in paths if fnmatch.fnmatchcase(p, flat) and p not in grouped]
    return sorted(grouped, key=natural_sort_key)
