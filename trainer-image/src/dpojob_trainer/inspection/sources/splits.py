"""Which split a file belongs to, by its name: the conventions of the hub's datasets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

EXTENSIONS = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".arrow", ".feather")
COMPRESSIONS = (".gz", ".gzip", ".zst", ".zstd")
BESIDE = (
    "dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json", "config.json",
    "inspection.json", "metrics.jsonl",
)  # fmt: skip
"""Files that lie beside data and are none."""

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
_WORD = re.compile(
    rf"(?:^|[-_./ ])((?:{_KNOWN})(?:_[a-z0-9]+)*?)(?=$|[-./ ]|_?\d|_of_)", re.IGNORECASE
)
_SHARDED = re.compile(r"^(?P<split>[A-Za-z0-9_.]+?)-\d{5}-of-\d{5}")
_ANY_SPLIT = ("data", "part", "shard")
"""What shards are called whose directory names the split, as by `DatasetDict.save_to_disk`."""


def is_data(path: str) -> bool:
    """Whether the name is that of a file of rows."""
    pure = PurePosixPath(path)
    if any(part.startswith((".", "__")) for part in pure.parts) or pure.name in BESIDE:
        return False
    name = pure.name.lower()
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression)
    return name.endswith(EXTENSIONS)


def split_of(path: str) -> str | None:
    """The split that a file's name (or directory) says, in its canonical spelling; None for none."""
    pure = PurePosixPath(path)
    sharded = _SHARDED.match(pure.name)
    if sharded and sharded["split"].lower() not in _ANY_SPLIT:
        return _canonical(sharded["split"])
    for part in (pure.name.split(".")[0], *reversed(pure.parent.parts)):
        match = _WORD.search(part)
        if match:
            return _canonical(match[1])
    return None


def _canonical(word: str) -> str:
    lowered = word.lower()
    return SYNONYMS.get(lowered, lowered)


def by_split(paths: Iterable[str]) -> dict[str, list[str]]:
    """The files of each split, in order. Files that name none are train's."""
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(split_of(path) or "train", []).append(path)
    return found


def named_only(paths: Iterable[str]) -> list[str]:
    """Those of the files whose names say a split."""
    return [path for path in paths if split_of(path) is not None]


def offer(split: str, splits: list[str], evaluation: bool) -> str:
    """What to write instead of a split that is not there, such as train_prefs for train."""
    if evaluation:
        splits = [name for name in splits if not name.startswith("train")]
        if not splits:
            return (
                "dataset.eval: {fraction: 0.02}, which holds some pairs out of the training split"
            )
    field = "dataset.eval.split" if evaluation else "dataset.split"
    return f"{field}: {_nearest(split, splits)}"


def _nearest(split: str, splits: list[str]) -> str:
    return next(
        (name for name in (f"{split}_prefs", f"{split}_sft") if name in splits),
        next((name for name in splits if name.startswith(split)), splits[0]),
    )


def natural(path: str) -> list[tuple[int, int, str]]:
    """A sorting key by which part-2 comes before part-10."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in re.split(r"([0-9]+)", path)
        if part
    ]
