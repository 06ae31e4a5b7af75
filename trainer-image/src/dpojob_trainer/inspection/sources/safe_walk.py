"""The files below a directory of a claim, through links that stay on it."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from dpojob_trainer.shared.volume_paths import is_inside

from .splits import is_data

Parts = tuple[str, ...]


class LeadsOut(Exception):
    """A link leads out of the claim; the text is its path."""


def data_below(root: Path, directory: Path) -> list[Path]:
    """The files of rows in a directory and those below it. Raises LeadsOut."""

    def worth(parts: Parts) -> bool:
        return not parts[-1].startswith((".", "__"))

    found = _files(root, directory, worth)
    return [path for path in found if is_data(path.relative_to(directory).as_posix())]


def matching(root: Path, pattern: str) -> list[Path]:
    """The files that a glob names; `**` stands for any directories. Raises LeadsOut."""
    parts = Path(pattern).parts
    plain = next(at for at, part in enumerate(parts) if glob.has_magic(part))
    base, wanted = root.joinpath(*parts[:plain]), parts[plain:]
    if not base.is_dir():
        return []
    if not is_inside(root, base):
        raise LeadsOut(str(base))
    found = _files(root, base, lambda parts: _leads_to(parts, wanted))
    return [path for path in found if _matches(path.relative_to(base).parts, wanted)]


def _files(
    root: Path,
    directory: Path,
    enter: Callable[[Parts], bool],
    parts: Parts = (),
    above: tuple[Path, ...] = (),
) -> Iterator[Path]:
    """Files, and links that lead nowhere; a link to a directory that it lies in is a loop."""
    above = (*above, Path(os.path.realpath(directory)))
    for path in sorted(directory.iterdir()):
        below = (*parts, path.name)
        if not path.is_dir():
            if path.is_file() or path.is_symlink():
                yield path
            continue
        if not enter(below):
            continue
        if path.is_symlink():
            if not is_inside(root, path):
                raise LeadsOut(str(path))
            if any(real.is_relative_to(os.path.realpath(path)) for real in above):
                continue
        yield from _files(root, path, enter, below, above)


def _leads_to(parts: Parts, wanted: Parts) -> bool:
    """Whether files below such a directory can match."""
    if not wanted or wanted[0] == "**":
        return bool(wanted)
    return not parts or (fnmatchcase(parts[0], wanted[0]) and _leads_to(parts[1:], wanted[1:]))


def _matches(parts: Parts, wanted: Parts) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == "**":
        return any(_matches(parts[at:], wanted[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], wanted[0]) and _matches(parts[1:], wanted[1:])
