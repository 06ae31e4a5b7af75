"""Data files on a claim: a file, a directory or a glob pattern, never outside the claim."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path

from dpojob_api.spec import ClaimPath
from dpojob_api.spelling import nearest
from dpojob_trainer.shared.errors import DatasetNotFound
from dpojob_trainer.shared.volume_paths import is_inside, mount_path

from .data_files import FoundFile, FoundSource
from .safe_walk import SymlinkEscape, find_data_files, find_matching_files
from .splits import group_by_split, natural_sort_key, split_of, suggest_split


def open_volume(
    location: ClaimPath, volumes: Mapping[str, Path], split: str, *, evaluation: bool = False
) -> FoundSource:
    """Find the files of a split on a claim.

    Args:
        location: The claim, and a path or pattern on it.
        volumes: The directory at which each claim is mounted.
        split: The name of the split.
        evaluation: Whether it is the split of `dataset.eval`.

    Returns:
        The files.

    Raises:
        DatasetNotFound: The path or the split does not exist; the message lists what is there.
    """
    name = f"{location.claim_name}/{location.path}".rstrip("/")
    root = mount_path(
        volumes,
        location.claim_name,
        DatasetNotFound(
            f"the claim {location.claim_name!r} of dataset.volume is not mounted here; with the dpojob "
            f"command, give it a directory: --volume {location.claim_name}=DIR"
        ),
    )
    target = root / location.path
    try:
        files, exact = _files_inside(root, target, location)
    except OSError as problem:
        raise DatasetNotFound(f"{name} cannot be read: {problem.strerror or problem}") from None
    except SymlinkEscape as link:
        raise DatasetNotFound(
            f"{_relative_path(root, Path(str(link)))} on the claim {location.claim_name!r} is a link out of "
            "the volume, which is not followed; copy what it leads to onto the volume"
        ) from None
    relative = sorted((_relative_path(root, file) for file in files), key=natural_sort_key)
    if exact and not evaluation:
        selected, splits = relative, []
        if split not in ("train", split_of(Path(relative[0]).name)):
            raise DatasetNotFound(
                f"{name} is one file, which has no split {split!r}. Remove dataset.split, or name in "
                "dataset.volume.path the file of that split, or the directory of them all"
            )
    else:
        # The path of the directory that the user named gives no split; only names below it do.
        base = _relative_path(root, target) if target.is_dir() else ""
        prefix_length = len(base) + 1 if base not in ("", ".") else 0
        groups = group_by_split(path[prefix_length:] for path in relative)
        splits = sorted(groups)
        selected = [
            path[:prefix_length] + rest for path in relative[:1] for rest in groups.get(split, [])
        ]
    if not selected:
        raise DatasetNotFound(
            f"{name} has no files of the split {split!r}; its splits: {', '.join(splits)}. Write "
            + suggest_split(split, splits, evaluation)
        )
    return FoundSource(name, [_found_file(root, path) for path in selected], splits=splits)


def _files_inside(root: Path, target: Path, location: ClaimPath) -> tuple[list[Path], bool]:
    """As `_find_files`; raises SymlinkEscape where one of them is outside the claim."""
    files, exact = _find_files(root, target, location)
    for file in files:
        if not is_inside(root, file):
            raise SymlinkEscape(str(file))
    return files, exact


def _find_files(root: Path, target: Path, location: ClaimPath) -> tuple[list[Path], bool]:
    """The files, and whether the user named exactly one file."""
    if target.is_file() or (target.is_symlink() and not target.is_dir()):
        if target.is_symlink() and not target.exists() and is_inside(root, target):
            raise DatasetNotFound(
                f"{location.path} on the claim {location.claim_name!r} is a broken link"
            )
        return [target], True
    if target.is_dir():
        if not is_inside(root, target):
            return [target], True
        files = find_data_files(root, target)
        if not files:
            entries = sorted(path.name for path in target.iterdir())[:10]
            raise DatasetNotFound(
                f"{location.claim_name}/{location.path} holds no Parquet, JSONL, JSON, CSV or Arrow file"
                + (f"; it holds: {', '.join(entries)}" if entries else "; the directory is empty")
            )
        return files, False
    if glob.has_magic(location.path):
        files = find_matching_files(root, location.path)
        if files:
            return files, False
        there = [_relative_path(root, file) for file in find_data_files(root, root)]
        near = nearest(location.path, there)
        raise DatasetNotFound(
            f"no file on the claim {location.claim_name!r} matches {location.path!r}"
            + (f"; it holds: {', '.join(there[:10])}" if there else "")
            + (f". Did you mean {near}?" if near else "")
        )
    directory = target.parent if target.parent.is_dir() and is_inside(root, target.parent) else root
    names = sorted(path.name for path in directory.iterdir())
    near = nearest(target.name, names)
    inside = _relative_path(root, directory) if directory != root else ""
    raise DatasetNotFound(
        f"{location.path!r} is not on the claim {location.claim_name!r}; "
        f"{inside or 'its root'} holds: "
        + (", ".join(names[:10]) or "nothing")
        + (f". Did you mean {'/'.join(filter(None, (inside, near)))}?" if near else "")
    )


def _relative_path(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _found_file(root: Path, relative: str) -> FoundFile:
    return FoundFile(relative, lambda: root / relative)
