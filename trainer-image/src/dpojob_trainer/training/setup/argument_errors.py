"""Whose fault it is when a library refuses what it is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dpojob_api.conditions import Reason

from .errors import Failure, one_line

HARMLESS = frozenset({
    "ddp_timeout", "disable_tqdm", "log_level", "logging_first_step", "logging_steps", "logging_strategy",
    "project", "report_to", "run_name", "save_total_limit",
})  # fmt: skip
"""Arguments that no library refuses a model or its data for."""
REFUSALS = (
    AssertionError, AttributeError, ImportError, KeyError, NotImplementedError, TypeError, ValueError,
)  # fmt: skip
"""How libraries refuse; anything else, such as a GPU's own error, may pass when tried again."""


@contextmanager
def at_fault(arguments: Mapping[str, Any]) -> Iterator[None]:
    """Inside, a refusal is the user's arguments', where there are any that could be the cause."""
    try:
        yield
    except REFUSALS as error:
        could = sorted(arguments.keys() - HARMLESS)
        if not could:
            raise
        raise Failure(
            Reason.INVALID_ARGUMENTS,
            f"training.arguments ({', '.join(could)}) cannot be followed: {one_line(error)}. Change "
            "them or leave them out.",
        ) from error
