"""Files on a claim: a file, a directory or a glob, never out of the claim's root."""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path

from dpojob_api.spec import ClaimPath
from dpojob_trainer.shared.errors import not_found
from dpojob_trainer.shared.volume_paths import is_inside, mount_path

from .data_files import DataFile, Source
from .safe_walk import LeadsOut, data_below, matching
from .splits import by_split, natural, offer, split_of


def open_volume(
    place: ClaimPath, volumes: Mapping[str, Path], split: str, *, evaluation: bool = False
) -> Source:
    """The files of `split` on a claim. Raises InspectionError naming what is there instead."""
    name = f"{place.claim_name}/{place.path}".rstrip("/")
    root = mount_path(
        volumes,
        place.claim_name,
        not_found(
            f"the claim {place.claim_name!r} of dataset.volume is not mounted here; with the dpojob "
            f"command, give it a directory: --volume {place.claim_name}=DIR"
        ),
    )
    target = root / place.path
    try:
        files, exact = _find(root, target, place)
        for file in files:
            if not is_inside(root, file):
                raise LeadsOut(str(file))
    except OSError as problem:
        raise not_found(f"{name} cannot be read: {problem.strerror or problem}") from None
    except LeadsOut as link:
        raise not_found(
            f"{_relative(root, Path(str(link)))} on the claim {place.claim_name!r} is a link out of "
            "the volume, which is not followed; copy what it leads to onto the volume"
        ) from None
    relative = sorted((_relative(root, file) for file in files), key=natural)
    if exact and not evaluation:
        chosen, splits = relative, []
        if split not in ("train", split_of(Path(relative[0]).name)):
            raise not_found(
                f"{name} is one file, which has no split {split!r}. Remove dataset.split, or name in "
                "dataset.volume.path the file of that split, or the directory of them all"
            )
    else:
        # Split names are looked for below the directory the user named, not in its own path.
        base = _relative(root, target) if target.is_dir() else ""
        cut = len(base) + 1 if base not in ("", ".") else 0
        groups = by_split(path[cut:] for path in relative)
        splits = sorted(groups)
        chosen = [path[:cut] + rest for path in relative[:1] for rest in groups.get(split, [])]
    if not chosen:
        raise not_found(
            f"{name} has no files of the split {split!r}; its splits: {', '.join(splits)}. Write "
            + offer(split, splits, evaluation)
        )
    return Source(
        name, [_file(root / path, path, place.claim_name) for path in chosen], splits=splits
    )


def _find(root: Path, target: Path, place: ClaimPath) -> tuple[list[Path], bool]:
    """The files meant, and whether the user named one file exactly."""
    if target.is_file() or (target.is_symlink() and not target.is_dir()):
        if target.is_symlink() and not target.exists() and is_inside(root, target):
            raise not_found(f"{place.path} on the claim {place.claim_name!r} is a broken link")
        return [target], True
    if target.is_dir():
        if not is_inside(root, target):
            return [target], True
        files = data_below(root, target)
        if not files:
            entries = sorted(path.name for path in target.iterdir())[:10]
            raise not_found(
                f"{place.claim_name}/{place.path} holds no Parquet, JSONL, JSON, CSV or Arrow file"
                + (f"; it holds: {', '.join(entries)}" if entries else "; the directory is empty")
            )
        return files, False
    if glob.has_magic(place.path):
        files = matching(root, place.path)
        if files:
            return files, False
        raise not_found(f"no file on the claim {place.claim_name!r} matches {place.path!r}")
    there = target.parent if target.parent.is_dir() and is_inside(root, target.parent) else root
    entries = sorted(path.name for path in there.iterdir())[:10]
    raise not_found(
        f"{place.path!r} is not on the claim {place.claim_name!r}; "
        f"{_relative(root, there) if there != root else 'its root'} holds: "
        + (", ".join(entries) or "nothing")
    )


def _relative(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _file(path: Path, relative: str, claim: str) -> DataFile:
    try:
        size = path.stat().st_size
    except OSError as problem:
        raise not_found(f"{relative} on the claim {claim!r}: {problem.strerror}") from None
    return DataFile(relative, lambda: path, size)
