"""Keeps pyarrow from importing pandas, whose import takes longer than all that inspection uses."""

from __future__ import annotations

import sys

import pyarrow as pa


class _PandasRefused:
    """An importer that finds no pandas, and leaves all other modules to the next one."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def leave_out_pandas() -> None:
    """Let pyarrow find no pandas; for processes that only inspect.

    pyarrow imports it, where it is installed, with the first array, and remembers whether it could
    (`_PandasAPIShim._check_import` in its pandas-shim.pxi).
    """
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _PandasRefused)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(_PandasRefused)
