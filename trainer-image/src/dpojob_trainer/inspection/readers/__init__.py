"""Rows of a file as a stream of chunks, whatever its format, in bounded memory."""

from .dispatch import read_file
from .row_batch import Chunk

__all__ = ["Chunk", "read_file"]
