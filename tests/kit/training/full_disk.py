"""Writes that fail as on a full disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def fill_disk(monkeypatch: pytest.MonkeyPatch, is_full: Callable[[Path], bool]) -> None:
    """Lets writes of the files fail for which `is_full` is true."""
    opened = Path.open

    def open_or_fail(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if mode[0] in "wa" and is_full(path):
            opened(path, mode, *arguments, **options).close()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return opened(path, mode, *arguments, **options)

    monkeypatch.setattr(Path, "open", open_or_fail)
    # Path.write_text opens by it from Python 3.14 on, and by io.open before.
    monkeypatch.setattr(Path, "write_text", _write_text)


def _write_text(path: Path, text: str, encoding: str | None = None) -> int:
    with path.open("w", encoding=encoding) as file:
        return file.write(text)
