"""Validation of rows: each becomes a normalised preference pair, or has an error.

`row_normalizer` defines what a valid row is; `vectorized_validator` accepts a part of the valid rows
much faster, by whole columns.
"""

from .batch_validator import BatchValidator, ValidatedRows

__all__ = ["BatchValidator", "ValidatedRows"]
