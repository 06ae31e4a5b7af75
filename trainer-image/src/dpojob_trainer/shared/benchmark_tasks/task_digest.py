"""A digest over all that a task of the user's is made of, by which kept results of another state are recognised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .task_file import read_with_includes


def task_digest(path: Path, root: Path, *, allow_code: bool) -> str:
    """Hash a task's file with those that it includes, its data files and its code.

    Args:
        path: The file.
        root: Where its claim is mounted.
        allow_code: Whether the file may name code; then the Python files count that lie beside it and beside
            those that it includes, and below.

    Returns:
        The sha256, in hexadecimal digits.

    Raises:
        TaskFileError: The file is no task that may be run.
        OSError: A data file cannot be read.
    """
    fields, read = read_with_includes(path, root, allow_code=allow_code)
    digest = hashlib.sha256(json.dumps(fields, sort_keys=True, default=str).encode())
    options = fields.get("dataset_kwargs")
    files = list(_paths(options.get("data_files"))) if isinstance(options, Mapping) else []
    if allow_code:
        files += _python_files({file.parent.resolve() for file in read})
    for file in files:
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()


def _python_files(directories: set[Path]) -> list[Path]:
    """The Python files in `directories` and below, each once."""
    found = {file for directory in directories for file in directory.rglob("*.py")}
    return sorted(file for file in found if file.is_file())


def _paths(named: Any) -> Iterator[Path]:
    """The files in `data_files`, whose values are paths, lists of them or splits with either."""
    if isinstance(named, str):
        yield Path(named)
        return
    for value in named.values() if isinstance(named, Mapping) else named or ():
        yield from _paths(value)
