"""Data files and their splits by file name, with the conventions of datasets on the hub."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from dpojob_api.spelling import nearest

EXTENSIONS = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".arrow", ".feather")
COMPRESSIONS = (".gz", ".gzip", ".zst", ".zstd")
NOT_DATA = (
    "dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json", "config.json",
    "inspection.json", "metrics.jsonl",
)  # fmt: skip
"""Files that often lie beside data files and hold no rows."""

SYNONYMS = {
    "training": "train",
    "tr": "train",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "eval": "test",
    "evaluation": "test",
}
_KNOWN = "train|training|test|testing|validation|valid|val|dev|eval|evaluation"
_SPLIT_NAME = re.compile(
    rf"(?:^|[-_./ ])((?:{_KNOWN})(?:_[a-z0-9]+){{0,8}}?)(?=$|[-./ ]|_?\d|_of_)", re.IGNORECASE
)
"""The number of words after a known one is bounded, so that matching is linear in the name's length."""
_SHARDED = re.compile(r"^(?P<split>[A-Za-z0-9_.]+?)-\d{5}-of-\d{5}")
_SHARD_NAMES = ("data", "part", "shard")
"""Names of shards whose directory gives the split, as written by `DatasetDict.save_to_disk`."""


def is_data(path: str) -> bool:
    """Tell whether a path is that of a data file, by its name.

    Args:
        path: The path.

    Returns:
        Whether it is.
    """
    pure = PurePosixPath(path)
    if any(part.startswith((".", "__")) for part in pure.parts) or pure.name in NOT_DATA:
        return False
    name = pure.name.lower()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    return name.endswith(EXTENSIONS)


def split_of(path: str) -> str | None:
    """The split that a file's name or directory gives.

    Args:
        path: The path, relative to the dataset.

    Returns:
        The split in its canonical spelling (`validation` for `val`), or None.
    """
    pure = PurePosixPath(path)
    sharded = _SHARDED.match(pure.name)
    if sharded and sharded["split"].lower() not in _SHARD_NAMES:
        return _canonical(sharded["split"])
    for part in (pure.name.split(".")[0], *reversed(pure.parent.parts)):
        match = _SPLIT_NAME.search(part)
        if match:
            return _canonical(match[1])
    return None


def _canonical(name: str) -> str:
    lowered = name.lower()
    return SYNONYMS.get(lowered, lowered)


def group_by_split(paths: Iterable[str]) -> dict[str, list[str]]:
    """Group files by the splits that their names give.

    Args:
        paths: The files.

    Returns:
        The files of each split, in order; files whose names give no split belong to `train`.
    """
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(split_of(path) or "train", []).append(path)
    return found


def with_split_name(paths: Iterable[str]) -> list[str]:
    """Choose the files whose names give a split.

    Args:
        paths: The files.

    Returns:
        Those files, in order.
    """
    return [path for path in paths if split_of(path) is not None]


def suggest_split(split: str, splits: list[str], evaluation: bool) -> str:
    """What to write in the spec instead of a split that does not exist.

    Args:
        split: The split that does not exist.
        splits: The splits that do.
        evaluation: Whether it is the split of `dataset.eval`.

    Returns:
        A field and its value, such as `dataset.split: train_prefs`.
    """
    if evaluation:
        splits = [name for name in splits if not name.startswith("train")]
        if not splits:
            return (
                "dataset.eval: {fraction: 0.02}, which holds some pairs out of the training split"
            )
    field = "dataset.eval.split" if evaluation else "dataset.split"
    return f"{field}: {_closest_split(split, splits)}"


def _closest_split(split: str, splits: list[str]) -> str:
    meant = _canonical(split)
    for name in (f"{meant}_prefs", f"{meant}_sft"):
        if name in splits:
            return name
    if same := [name for name in splits if _canonical(name).startswith(meant)]:
        return same[0]
    # A name such as training or training_set begins with that of the split.
    if inside := [name for name in splits if meant.startswith(_canonical(name))]:
        return max(inside, key=len)
    return nearest(meant, splits) or splits[0]


def natural_sort_key(path: str) -> list[tuple[int, int, str]]:
    """Make a sort key by which part-2 comes before part-10.

    Args:
        path: The path to sort.

    Returns:
        The key.
    """
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"([0-9]+)", path)
        if part
    ]
