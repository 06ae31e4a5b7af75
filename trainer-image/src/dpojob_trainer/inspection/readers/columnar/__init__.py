"""Readers of Parquet and Arrow files; both bound what their values take once they are decoded."""

from .arrow_reader import read_arrow
from .parquet_reader import read_parquet

__all__ = ["read_arrow", "read_parquet"]
