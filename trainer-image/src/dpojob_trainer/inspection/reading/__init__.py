"""Rows of a file as a stream of chunks, whatever its format, in bounded memory."""

from .chunk import Chunk
from .open import read_file

__all__ = ["Chunk", "read_file"]
