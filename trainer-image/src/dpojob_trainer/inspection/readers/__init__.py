"""Readers of data files: rows as a stream of batches, in bounded memory, whatever the format."""

from dpojob_trainer.shared.row_batch import Chunk

from .dispatch import read_file

__all__ = ["Chunk", "read_file"]
