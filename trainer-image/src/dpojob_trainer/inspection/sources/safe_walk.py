"""Finds files below a directory of a claim, following only symbolic links that stay on the claim."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from dpojob_trainer.shared.volume_paths import is_inside

from .splits import is_data

Parts = tuple[str, ...]


class SymlinkEscape(Exception):
    """A symbolic link leads out of the claim; the text is its path."""


def find_data_files(root: Path, directory: Path) -> list[Path]:
    """Find the data files in a directory and its subdirectories.

    Args:
        root: Where the claim is mounted.
        directory: The directory, on the claim.

    Returns:
        The files, without hidden ones.

    Raises:
        SymlinkEscape: A link leads out of the claim.
    """

    def is_visible(parts: Parts) -> bool:
        return not parts[-1].startswith((".", "__"))

    found = _walk(root, directory, is_visible)
    return [path for path in found if is_data(path.relative_to(directory).as_posix())]


def find_matching_files(root: Path, pattern: str) -> list[Path]:
    """Find the files that match a glob pattern.

    Args:
        root: Where the claim is mounted.
        pattern: The pattern relative to `root`; `**` matches any number of directories.

    Returns:
        The files.

    Raises:
        SymlinkEscape: A link leads out of the claim.
    """
    parts = Path(pattern).parts
    first_magic = next(at for at, part in enumerate(parts) if glob.has_magic(part))
    base, pattern_parts = root.joinpath(*parts[:first_magic]), parts[first_magic:]
    if not base.is_dir():
        return []
    if not is_inside(root, base):
        raise SymlinkEscape(str(base))
    found = _walk(root, base, lambda parts: _may_contain_match(parts, pattern_parts))
    return [path for path in found if _matches(path.relative_to(base).parts, pattern_parts)]


def _walk(
    root: Path,
    directory: Path,
    should_enter: Callable[[Parts], bool],
    parts: Parts = (),
    ancestors: tuple[Path, ...] = (),
) -> Iterator[Path]:
    """Files and broken links; a link to one of its own parent directories is skipped."""
    ancestors = (*ancestors, Path(os.path.realpath(directory)))
    for path in sorted(directory.iterdir()):
        path_parts = (*parts, path.name)
        if not path.is_dir():
            if path.is_file() or path.is_symlink():
                yield path
            continue
        if not should_enter(path_parts):
            continue
        if path.is_symlink():
            if not is_inside(root, path):
                raise SymlinkEscape(str(path))
            if any(real.is_relative_to(os.path.realpath(path)) for real in ancestors):
                continue
        yield from _walk(root, path, should_enter, path_parts, ancestors)


def _may_contain_match(parts: Parts, pattern_parts: Parts) -> bool:
    """Whether files below the directory `parts` can match."""
    if not pattern_parts or pattern_parts[0] == "**":
        return bool(pattern_parts)
    return not parts or (
        fnmatchcase(parts[0], pattern_parts[0]) and _may_contain_match(parts[1:], pattern_parts[1:])
    )


def _matches(parts: Parts, pattern_parts: Parts) -> bool:
    if not pattern_parts:
        return not parts
    if pattern_parts[0] == "**":
        return any(_matches(parts[at:], pattern_parts[1:]) for at in range(len(parts) + 1))
    return (
        bool(parts)
        and fnmatchcase(parts[0], pattern_parts[0])
        and _matches(parts[1:], pattern_parts[1:])
    )
