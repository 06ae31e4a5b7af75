"""Errors of libraries that the user's `training.arguments` caused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dpojob_api.conditions import Reason

from .errors import TrainingError, one_line

NEVER_REJECTED = frozenset({
    "ddp_timeout", "disable_tqdm", "log_level", "logging_first_step", "logging_steps", "logging_strategy",
    "project", "report_to", "run_name", "save_total_limit",
})  # fmt: skip
"""Arguments for which no library rejects a model or its data."""
REJECTIONS = (
    AssertionError, AttributeError, ImportError, KeyError, NotImplementedError, TypeError, ValueError,
)  # fmt: skip
"""The errors by which libraries reject arguments; any other, such as a CUDA error, may be transient."""


@contextmanager
def as_argument_error(arguments: Mapping[str, Any]) -> Iterator[None]:
    """Inside the block, turn a rejection into a TrainingError that names `arguments`.

    Where none of them can be the cause, the library's own error is raised.
    """
    try:
        yield
    except REJECTIONS as error:
        possible = sorted(arguments.keys() - NEVER_REJECTED)
        if not possible:
            raise
        raise TrainingError(
            Reason.INVALID_ARGUMENTS,
            f"training.arguments ({', '.join(possible)}) cannot be followed: {one_line(error)}. Change "
            "them or leave them out.",
        ) from error
