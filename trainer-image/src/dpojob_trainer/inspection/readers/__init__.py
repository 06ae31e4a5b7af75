"""Readers of data files: rows as a stream of batches, in bounded memory, whatever the format."""

from dpojob_trainer.shared.row_batch import RowBatch

from .dispatch import read_file

__all__ = ["RowBatch", "read_file"]
