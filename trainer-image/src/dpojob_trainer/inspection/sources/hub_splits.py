"""Which files of a repository are which split: by its card, or without one by their names."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field
from typing import Any

from dpojob_api.spec import DatasetSource
from dpojob_trainer.shared.errors import not_found

from .splits import by_split, is_data, named_only, natural


@dataclass
class Grouped:
    """The files of a repository."""

    splits: dict[str, list[str]]
    patterns: dict[str, str] = field(default_factory=dict)
    """Where the card says that a split is."""
    unnamed: list[str] = field(default_factory=list)
    """Files that are left out, since they name no split and others do."""


def grouped(dataset: DatasetSource, card: dict[str, Any], paths: list[str]) -> Grouped:
    """Files by split, from the card's own configurations or, without any, from the files' names."""
    stated = card.get("configs")
    configs = (
        [entry for entry in stated if isinstance(entry, dict)] if isinstance(stated, list) else []
    )
    data = sorted((path for path in paths if is_data(path)), key=natural)
    if configs:
        names = [str(entry.get("config_name", "default")) for entry in configs]
        return _from_card(_config(dataset, configs, names), paths, data)
    if dataset.config is not None and dataset.config != "default":
        if not any(path.startswith(dataset.config + "/") for path in data):
            directories = sorted({path.split("/")[0] for path in data if "/" in path})
            raise not_found(
                f"the dataset {dataset.repo!r} has no configuration {dataset.config!r}"
                + (f"; its directories: {', '.join(directories)}" if directories else "")
            )
        return _below(dataset.config + "/", data)
    top = [path for path in data if "/" not in path or path.startswith("data/")]
    # A file that names no split says less than one that does, wherever it lies.
    return _below("", top if named_only(top) or not named_only(data) else data)


def _below(prefix: str, data: list[str]) -> Grouped:
    """By the names of the files under `prefix`, as `datasets` does: one that names no split counts
    only where none does."""
    below = [path.removeprefix(prefix) for path in data if path.startswith(prefix)]
    kept = named_only(below) or below
    splits = {
        split: [prefix + path for path in members] for split, members in by_split(kept).items()
    }
    return Grouped(splits, unnamed=[prefix + path for path in below if path not in kept])


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


def _from_card(entry: dict[str, Any], paths: list[str], data: list[str]) -> Grouped:
    files = entry.get("data_files")
    prefix = str(entry.get("data_dir") or "").strip("/")
    prefix = prefix + "/" if prefix else ""
    if files is None:
        return _below(prefix, data)
    if isinstance(files, dict):
        files = [{"split": split, "path": path} for split, path in files.items()]
    if isinstance(files, str) or (
        isinstance(files, list) and all(isinstance(f, str) for f in files)
    ):
        files = [{"split": "train", "path": files}]
    found = Grouped({})
    for item in files if isinstance(files, list) else []:
        if isinstance(item, dict) and "path" in item:
            split = str(item.get("split", "train"))
            patterns = item["path"] if isinstance(item["path"], list) else [item["path"]]
            members = found.splits.setdefault(split, [])
            for pattern in patterns:
                matched = _matching(prefix + str(pattern), paths)
                members.extend(path for path in matched if path not in members)
            found.patterns[split] = ", ".join(map(str, patterns))
    return found


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
