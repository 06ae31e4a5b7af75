"""Rows of a file as a stream of chunks, whatever its format, in bounded memory."""

from dpojob_trainer.shared.row_batch import Chunk

from .dispatch import read_file

__all__ = ["Chunk", "read_file"]
